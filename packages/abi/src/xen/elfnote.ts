/** ELF notes with the owner name "Xen". Source: `xen/include/public/elfnote.h` (RELEASE-4.22.0). */

/**
 * How the descriptor of a note is read. `number`: 1, 2, 4 or 8 bytes; `string`: ends with NUL; `u32s`: array of u32;
 * `pair`: two integers of half the descriptor's size each.
 */
export type XenNoteKind = "number" | "string" | "u32s" | "pair" | "bytes";

/** Note number and kind by name, without the prefix XEN_ELFNOTE_. */
export const xenNotes = {
  INFO: { number: 0, kind: "string" },
  ENTRY: { number: 1, kind: "number" },
  HYPERCALL_PAGE: { number: 2, kind: "number" },
  VIRT_BASE: { number: 3, kind: "number" },
  PADDR_OFFSET: { number: 4, kind: "number" },
  XEN_VERSION: { number: 5, kind: "string" },
  GUEST_OS: { number: 6, kind: "string" },
  GUEST_VERSION: { number: 7, kind: "string" },
  LOADER: { number: 8, kind: "string" },
  PAE_MODE: { number: 9, kind: "string" },
  FEATURES: { number: 10, kind: "string" },
  BSD_SYMTAB: { number: 11, kind: "string" },
  HV_START_LOW: { number: 12, kind: "number" },
  L1_MFN_VALID: { number: 13, kind: "pair" },
  SUSPEND_CANCEL: { number: 14, kind: "number" },
  INIT_P2M: { number: 15, kind: "number" },
  MOD_START_PFN: { number: 16, kind: "number" },
  SUPPORTED_FEATURES: { number: 17, kind: "u32s" },
  PHYS32_ENTRY: { number: 18, kind: "number" },
  PHYS32_RELOC: { number: 19, kind: "u32s" },
  CRASH_INFO: { number: 0x1000001, kind: "bytes" },
  CRASH_REGS: { number: 0x1000002, kind: "bytes" },
  DUMPCORE_NONE: { number: 0x2000000, kind: "bytes" },
  DUMPCORE_HEADER: { number: 0x2000001, kind: "bytes" },
  DUMPCORE_XEN_VERSION: { number: 0x2000002, kind: "bytes" },
  DUMPCORE_FORMAT_VERSION: { number: 0x2000003, kind: "bytes" },
} as const satisfies Record<string, { number: number; kind: XenNoteKind }>;

export type XenNoteName = keyof typeof xenNotes;

const names = new Map<number, XenNoteName>();
for (const [name, { number }] of Object.entries(xenNotes)) names.set(number, name as XenNoteName);

export function xenNoteName(number: number): XenNoteName | undefined {
  return names.get(number);
}
