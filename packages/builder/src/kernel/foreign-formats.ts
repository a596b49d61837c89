import { PvhError } from "@pvh/errors";
import { detectCompression } from "../decompress/index.ts";
import { rawBytes, startsWith, u16At, u32At } from "./bytes.ts";

interface ForeignFormat {
  /** "The file is ..." */
  name: string;
  /** What would be right. */
  advice: string;
  matches(file: Uint8Array): boolean;
}

const ascii = (text: string) => Array.from(text, (char) => char.charCodeAt(0));
const begins =
  (text: string, offset = 0) =>
  (file: Uint8Array) =>
    startsWith(file, ascii(text), offset);

const wantsKernel = "an ELF kernel (vmlinux), a bzImage (vmlinuz) or one of them compressed";

/** Files that are taken for kernels by mistake; the first match counts. */
const foreignFormats: ForeignFormat[] = [
  { name: "empty", advice: wantsKernel, matches: (file) => file.length === 0 },
  {
    name: "an EFI zboot kernel",
    advice: "the vmlinux it was made from; its loader needs EFI firmware, which PVH guests do not have",
    matches: (file) => begins("MZ")(file) && begins("zimg", 4)(file),
  },
  {
    name: "an arm64 Linux kernel (Image)",
    advice: "a kernel for x86",
    matches: begins("ARMd", 0x38),
  },
  {
    name: "a RISC-V Linux kernel (Image)",
    advice: "a kernel for x86",
    matches: begins("RSC\x05", 0x38),
  },
  {
    name: "a PE/EFI program without a Linux setup header",
    advice:
      "the kernel itself: from a unified kernel image, take it out with objcopy -O binary --only-section=.linux",
    matches: begins("MZ"),
  },
  {
    name: "a U-Boot image (uImage)",
    advice: "the kernel it wraps, without the 64-byte header",
    matches: (file) => startsWith(file, [0x27, 0x05, 0x19, 0x56]),
  },
  {
    name: "a device tree or U-Boot FIT image",
    advice: wantsKernel,
    matches: (file) => startsWith(file, [0xd0, 0x0d, 0xfe, 0xed]),
  },
  {
    name: "a cpio archive, so an initramfs",
    advice: "a kernel here, and this file as ramdisk",
    matches: (file) => begins("070701")(file) || begins("070702")(file) || begins("070707")(file),
  },
  { name: "a script", advice: wantsKernel, matches: begins("#!") },
  { name: "a qcow2 disk image", advice: "the kernel from inside it", matches: begins("QFI\xfb") },
  { name: "a Debian package", advice: "the vmlinuz from inside it", matches: begins("!<arch>\ndebian") },
  {
    name: "an RPM package",
    advice: "the vmlinuz from inside it",
    matches: (file) => startsWith(file, [0xed, 0xab, 0xee, 0xdb]),
  },
  { name: "a squashfs image", advice: "the kernel from inside it", matches: begins("hsqs") },
  { name: "a tar archive", advice: "the kernel from inside it", matches: begins("ustar", 257) },
  {
    name: "a Mach-O program",
    advice: wantsKernel,
    matches: (file) => u32At(file, 0) === 0xfeedface || u32At(file, 0) === 0xfeedfacf,
  },
  {
    name: "a multiboot kernel without ELF header",
    advice: "an ELF kernel with a PHYS32_ENTRY note",
    matches: (file) => hasChecksummedMagic(file, 0x1badb002),
  },
  {
    name: "a Xen multiboot binary",
    advice: "an ELF kernel with Xen notes; this form is for PV guests only and cannot offer PVH",
    matches: (file) => hasChecksummedMagic(file, 0x336ec578),
  },
  {
    name: "a boot sector or disk image",
    advice: "the kernel from inside it",
    matches: (file) => file.length >= 512 && u16At(file, 510) === 0xaa55,
  },
  {
    name: "compressed data once more",
    advice: "a kernel that is compressed once",
    matches: (file) => detectCompression(file) !== undefined,
  },
  { name: "a text file", advice: wantsKernel, matches: isText },
];

/** Magic, flags and checksum add up to zero, 4-byte aligned in the first 8 KiB: multiboot 1, and Xen's variant of it. */
function hasChecksummedMagic(file: Uint8Array, magic: number): boolean {
  const end = Math.min(file.length, 8192) - 12;
  for (let at = 0; at <= end; at += 4) {
    if (u32At(file, at) !== magic) continue;
    if (((magic + u32At(file, at + 4) + u32At(file, at + 8)) & 0xffffffff) === 0) return true;
  }
  return false;
}

/** No control characters, and next to nothing beyond ASCII. */
function isText(file: Uint8Array): boolean {
  const head = file.subarray(0, 512);
  let ascii = 0;
  for (const byte of head) {
    if (byte === 0x7f || (byte < 0x20 && (byte < 0x09 || byte > 0x0d))) return false;
    if (byte < 0x7f) ascii++;
  }
  return ascii >= head.length * 0.9;
}

/** A KERNEL_FORMAT error that says what the file is. `container` names what it came out of: `gzip data`. */
export function foreignFormatError(file: Uint8Array, container?: string): PvhError {
  const known = foreignFormats.find((format) => format.matches(file));
  const subject =
    container === undefined ? "The kernel file is" : `The ${container} of the kernel file holds`;
  const first = file.subarray(0, 16);
  const name = known?.name ?? `no known format; the first bytes are ${rawBytes(first)} `;
  const what = container !== undefined && name === "empty" ? "nothing" : name;
  const advice = known?.advice ?? wantsKernel;
  return new PvhError("KERNEL_FORMAT", `${subject} ${what}; right would be ${advice}.`, {
    offset: 0,
    found: known?.name ?? rawBytes(first),
    allowed: advice,
  });
}
