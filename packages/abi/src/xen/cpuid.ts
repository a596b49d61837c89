/** CPUID leaves by which a guest finds Xen (public/arch-x86/cpuid.h). */

/** First leaf; a hypervisor that also shows Hyper-V's leaves puts Xen's at `XEN_CPUID_STRIDE` above. */
export const XEN_CPUID_BASE = 0x40000000;
export const XEN_CPUID_STRIDE = 0x100;
/** Leaves above the base that are valid. */
export const XEN_CPUID_MAX_NUM_LEAVES = 5;

/** "XenVMMXenVMM" in ebx, ecx, edx of the base leaf. */
export const XEN_CPUID_SIGNATURE = { EBX: 0x566e6558, ECX: 0x65584d4d, EDX: 0x4d4d566e } as const;

/** Offsets of the leaves from the base. */
export const XEN_CPUID_LEAF = { signature: 0, version: 1, hypercall: 2, tsc: 3, hvm: 4, pv: 5 } as const;

/** Bits in eax of the hvm leaf, sub-leaf 0. */
export const XEN_HVM_CPUID = {
  APIC_ACCESS_VIRT: 1 << 0,
  X2APIC_VIRT: 1 << 1,
  IOMMU_MAPPINGS: 1 << 2,
  VCPU_ID_PRESENT: 1 << 3,
  DOMID_PRESENT: 1 << 4,
  EXT_DEST_ID: 1 << 5,
  UPCALL_VECTOR: 1 << 6,
} as const;

/** In a policy, the sub-leaf of leaves that have none (public/arch-x86/xen.h). */
export const XEN_CPUID_NO_SUBLEAF = 0xffffffff;
/** The leaf that ends an array of libxc's `xc_xend_cpuid` (public/domctl.h). */
export const XEN_CPUID_INPUT_UNUSED = 0xffffffff;

/** The MSR that the hypercall leaf names in ebx; writing `gpa | page index` fills that page with stubs. */
export const XEN_HYPERCALL_MSR = 0x40000000;

/** A page of `HYPERCALL_PAGE_SLOTS` stubs, 32 bytes each; the stub of call n stands at 32 * n. */
export const HYPERCALL_PAGE_SLOTS = 128;
export const HYPERCALL_STUB_SIZE = 32;
