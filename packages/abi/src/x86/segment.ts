/**
 * Segment attributes, packed as Xen's HVM context and `vcpu_hvm_context` pack them (public/hvm/hvm_vcpu.h): bits 0-3
 * type, 4 S, 5-6 DPL, 7 P, 8 AVL, 9 L, 10 D/B, 11 G. VMX keeps the upper four bits at 12-15 instead.
 */
export const SEGMENT = {
  TYPE_MASK: 0xf,
  S: 1 << 4,
  DPL_SHIFT: 5,
  P: 1 << 7,
  AVL: 1 << 8,
  L: 1 << 9,
  DB: 1 << 10,
  G: 1 << 11,
} as const;

/** Whole attribute words that the two PVH entry states use. */
export const SEGMENT_ATTRIBUTES = {
  /** Execute/read, accessed, present, 64-bit, 4 KiB granular. */
  CODE64: 0xa9b,
  /** Execute/read, accessed, present, 32-bit, 4 KiB granular. */
  CODE32: 0xc9b,
  /** Read/write, accessed, present, 32-bit, 4 KiB granular. */
  DATA: 0xc93,
  /** Busy TSS, present. */
  TSS_BUSY: 0x8b,
  LDT: 0x82,
  UNUSABLE: 0,
} as const;
