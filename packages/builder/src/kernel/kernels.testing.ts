import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sectionType } from "@pvh/abi";
import { buildElf, type TestElf, text, u64, xenNotesOf } from "./elf.testing.ts";
import { inspectKernel } from "./inspect.ts";
import type { Kernel } from "./types.ts";

/** For tests: kernels as the guests of this world have them, made by hand and real ones. */

const KERNBASE = 0xffffffff80000000n;

/** 0x3000 bytes at guest-physical 0x200000, counting up, with 0x1000 bytes of bss. */
const code = Uint8Array.from({ length: 0x3000 }, (_, i) => i);

/** Linux 3.14 to 4.10 with CONFIG_XEN_PVH: features spread over two notes. */
export const linuxClassic: TestElf = {
  segments: [{ paddr: 0x200000, bytes: code, memsz: 0x4000 }],
  notes: [
    ...xenNotesOf({
      GUEST_OS: "linux",
      GUEST_VERSION: "2.6",
      XEN_VERSION: "xen-3.0",
      VIRT_BASE: KERNBASE,
      PADDR_OFFSET: 0,
      INIT_P2M: 0x8000000000,
      ENTRY: KERNBASE + 0x200100n,
      HYPERCALL_PAGE: KERNBASE + 0x201000n,
      FEATURES:
        "!writable_page_tables|pae_pgdir_above_4gb|writable_descriptor_tables|auto_translated_physmap|supervisor_mode_kernel",
      SUPPORTED_FEATURES: Uint8Array.of(0x0d, 0x09, 0, 0),
      PAE_MODE: "yes",
      LOADER: "generic",
      SUSPEND_CANCEL: 1,
      MOD_START_PFN: 1,
      HV_START_LOW: 0xffff800000000000n,
    }),
    { owner: "GNU", type: 3, desc: Uint8Array.of(0xde, 0xad, 0xbe, 0xef) },
  ],
};

/** FreeBSD 10 and 11: all in the string, `p_paddr` is virtual and PADDR_OFFSET takes that back, symbols wanted. */
export const freebsdClassic: TestElf = {
  segments: [{ paddr: KERNBASE + 0x200000n, bytes: code, memsz: 0x4004 }],
  sections: [
    {
      name: ".symtab",
      type: sectionType.SYMTAB,
      bytes: new Uint8Array(48).fill(7),
      header: { sh_link: 2, sh_entsize: 24 },
    },
    { name: ".strtab", type: sectionType.STRTAB, bytes: text("\0main") },
  ],
  notes: xenNotesOf({
    GUEST_OS: "FreeBSD",
    GUEST_VERSION: "1100122",
    XEN_VERSION: "xen-3.0",
    VIRT_BASE: KERNBASE,
    PADDR_OFFSET: KERNBASE,
    ENTRY: KERNBASE + 0x200200n,
    HYPERCALL_PAGE: KERNBASE + 0x202000n,
    HV_START_LOW: 0xffff800000000000n,
    FEATURES: "writable_descriptor_tables|auto_translated_physmap|supervisor_mode_kernel|hvm_callback_vector",
    PAE_MODE: "yes",
    L1_MFN_VALID: Uint8Array.of(1, 0, 0, 0, 1, 0, 0, 0),
    LOADER: "generic",
    SUSPEND_CANCEL: 0,
    BSD_SYMTAB: "yes",
  }),
};

export const miniOsText =
  "VIRT_BASE=0x0,ELF_PADDR_OFFSET=0x0,HYPERCALL_PAGE=0x2,FEATURES=!writable_descriptor_tables|hvm_callback_vector|auto_translated_physmap|supervisor_mode_kernel";

/** ClickOS mini-os: no notes, entered at address 0. */
export const miniOsClassic: TestElf = {
  segments: [{ paddr: 0, bytes: code }],
  sections: [{ name: "__xen_guest", type: 1, bytes: text(miniOsText) }],
};

/** A 32-bit kernel whose only note is PHYS32_ENTRY. */
export const direct32: TestElf = {
  class: 32,
  segments: [{ paddr: 0x100000, bytes: code }],
  notes: [{ type: 18, desc: u64(0x100010).subarray(0, 4) }],
};

export function inspectElf(spec: TestElf): Kernel {
  return inspectKernel({ format: "elf", compression: "none", elf: buildElf(spec) });
}

/**
 * A kernel of Debian 12: from the directory PVH_TEST_KERNELS, else from `.cache/kernels`. A string says why there is
 * none; on CI it must be there.
 */
export function debianKernel(flavour: "amd64" | "cloud"): Uint8Array | string {
  const directory = process.env.PVH_TEST_KERNELS ?? join(import.meta.dirname, "../../../../.cache/kernels");
  return realFile(join(directory, flavour, "vmlinuz"), "fetch it with: npm run kernels");
}

/** Xen builds of GRUB, as Debian's grub-xen-host has them. */
export function grubKernel(name: "i386-xen_pvh" | "i386-xen" | "x86_64-xen"): Uint8Array | string {
  return realFile(`/usr/lib/grub-xen/grub-${name}.bin`, "install the package grub-xen-host");
}

function realFile(path: string, hint: string): Uint8Array | string {
  if (existsSync(path)) return readFileSync(path);
  const reason = `${path} is missing; ${hint}`;
  if (process.env.CI === "true") throw new Error(reason);
  return reason;
}
