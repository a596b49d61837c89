import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cachedKernel, type KernelFlavour, kernel } from "../hosts/debian-packages.ts";
import { pvhctl } from "../support/programs.ts";
import { requireOrSkip } from "../support/require-or-skip.ts";

/** `inspect` and `build` on kernels that a distribution ships. */

const grub = "/usr/lib/grub-xen/grub-i386-xen_pvh.bin";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pvh-real-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function inspect(file: string): Promise<unknown> {
  const { status, stdout, stderr } = await pvhctl(["inspect", file, "-o", "json"]);
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout);
}

interface Built {
  /** Guest memory: a byte's offset is its guest-physical address. */
  image: Buffer;
  /** Instruction pointer and start_info address that the description states. */
  rip: number;
  rbx: number;
}

/** Builds a guest of 256 MiB from a kernel. */
async function build(file: string): Promise<Built> {
  const config = join(folder, "guest.cfg");
  const out = join(folder, "image");
  writeFileSync(
    config,
    `name = "real"\ntype = "pvh"\nkernel = "${file}"\nmemory = 256\ncmdline = "console=ttyS0"\n`,
  );
  const { status, stderr } = await pvhctl(["build", config, "-o", out]);
  expect(status, stderr).toBe(0);
  const { registers } = JSON.parse(readFileSync(`${out}.json`, "utf8")).vcpu;
  return { image: readFileSync(out), rip: Number(registers.rip), rbx: Number(registers.rbx) };
}

/** XEN_HVM_START_MAGIC_VALUE of xen/include/public/arch-x86/hvm/start_info.h. */
const startInfoMagic = 0x336ec578;

describe.each<{ flavour: KernelFlavour; compression: string }>([
  { flavour: "amd64", compression: "xz" },
  { flavour: "cloud", compression: "lz4" },
])("Debian's $flavour kernel ($compression)", async ({ flavour, compression }) => {
  // Only CI fetches a hundred megabytes unasked.
  const found = (await cachedKernel(flavour)) ?? (process.env.CI ? await kernel(flavour) : undefined);
  const missing = found === undefined ? "Fetch them: npm run kernels" : undefined;
  const skip = requireOrSkip(`inspect and build of Debian's ${flavour} kernel`, missing);

  test.skipIf(skip)("inspect", async () => {
    expect(await inspect(found?.vmlinuz ?? "")).toMatchObject({
      format: "bzImage",
      compression,
      elf: { class: 64 },
      notes: expect.arrayContaining([
        expect.objectContaining({ owner: "Xen", type: 6, name: "GUEST_OS", value: "linux" }),
        expect.objectContaining({ owner: "Xen", name: "VIRT_BASE", value: "0xffffffff80000000" }),
      ]),
      abis: {
        direct: { supported: true, entry: expect.stringMatching(/^0x1[0-9a-f]{6}$/), missing: [] },
        classic: { supported: false },
      },
    });
  });

  test.skipIf(skip)("build", async () => {
    const { image, rip, rbx } = await build(found?.vmlinuz ?? "");
    expect(await inspect(found?.vmlinuz ?? "")).toMatchObject({
      abis: { direct: { entry: `0x${rip.toString(16)}` } },
    });
    expect(image.readUInt32LE(rbx)).toBe(startInfoMagic);
    expect(image.includes(`Linux version ${found?.release} `)).toBe(true);
  });
});

test.skipIf(requireOrSkip("build against xz", existsSync("/usr/bin/xz") ? undefined : "Install xz-utils."))(
  "the image of the XZ kernel holds what xz and the ELF headers say, byte for byte",
  async (context) => {
    const found = await cachedKernel("amd64");
    if (found === undefined) return context.skip();
    const { image } = await build(found.vmlinuz);
    for (const { paddr, bytes } of loadSegments(xzPayload(readFileSync(found.vmlinuz)))) {
      expect(Buffer.compare(image.subarray(paddr, paddr + bytes.length), bytes)).toBe(0);
    }
  },
);

describe.skipIf(
  requireOrSkip("GRUB for PVH", existsSync(grub) ? undefined : `Install grub-xen-host for ${grub}.`),
)("GRUB for PVH, a 32-bit ELF", () => {
  test("inspect", async () => {
    expect(await inspect(grub)).toMatchObject({
      format: "elf",
      compression: "none",
      elf: { class: 32 },
      notes: [{ owner: "Xen", type: 18, name: "PHYS32_ENTRY", value: "0x100000" }],
      abis: { direct: { supported: true, entry: "0x100000" }, classic: { supported: false } },
    });
  });

  test("build", async () => {
    const { image, rip, rbx } = await build(grub);
    expect(rip).toBe(0x100000);
    expect(image.readUInt32LE(rbx)).toBe(startInfoMagic);
    for (const { paddr, bytes } of loadSegments(readFileSync(grub))) {
      expect(Buffer.compare(image.subarray(paddr, paddr + bytes.length), bytes)).toBe(0);
    }
  });
});

/** The payload of a bzImage (boot protocol 2.08: payload_offset, payload_length), unpacked by xz itself. */
function xzPayload(bzImage: Buffer): Buffer {
  const start = (bzImage.readUInt8(0x1f1) + 1) * 512 + bzImage.readUInt32LE(0x248);
  const length = bzImage.readUInt32LE(0x24c);
  // The last four bytes are the unpacked size, which xz would take for a damaged second stream.
  const input = bzImage.subarray(start, start + length - 4);
  return execFileSync("xz", ["-dc"], { input, maxBuffer: 256 << 20 });
}

function loadSegments(elf: Buffer): { paddr: number; bytes: Buffer }[] {
  const wide = elf.readUInt8(4) === 2;
  const word = (at: number) => (wide ? Number(elf.readBigUInt64LE(at)) : elf.readUInt32LE(at));
  const phoff = word(wide ? 0x20 : 0x1c);
  const [size, count] = [elf.readUInt16LE(wide ? 0x36 : 0x2a), elf.readUInt16LE(wide ? 0x38 : 0x2c)];
  const headers = Array.from({ length: count }, (_, index) => phoff + index * size);
  const loadable = headers.filter((at) => elf.readUInt32LE(at) === 1);
  return loadable.map((at) => {
    const [offset, paddr, length] = [
      word(at + (wide ? 8 : 4)),
      word(at + (wide ? 24 : 12)),
      word(at + (wide ? 32 : 16)),
    ];
    return { paddr, bytes: elf.subarray(offset, offset + length) };
  });
}
