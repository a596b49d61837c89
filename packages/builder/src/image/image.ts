/**
 * The image of a domain as plain data: what memory it has, what must stand in it, and the first vCPU's state.
 * Nothing here refers to a hypervisor; a backend allocates `ram`, copies `segments()` and loads `vcpu`.
 *
 * Guest-physical addresses and sizes are `number` (they stay far below 2^53); virtual addresses and register values
 * are `bigint`.
 */

/** `classic`: PVHv1, entered in 64-bit long mode. `direct`: PVHv2, entered in 32-bit protected mode. */
export type BootInterface = "classic" | "direct";

/** What the guest sees around it: Xen's interfaces, or the bare hardware of a microvm. */
export type Platform = "xen" | "bare";

/** E820 types (public/arch-x86/hvm/start_info.h). */
export type MemoryType = "ram" | "reserved" | "acpi" | "nvs" | "unusable" | "disabled" | "pmem";

export interface MemoryMapEntry {
  gpa: number;
  size: number;
  type: MemoryType;
}

/** A range of guest-physical memory that the backend must back with zeroed RAM. Page granular, ascending. */
export interface RamRange {
  gpa: number;
  size: number;
}

/** What stands in a region. Bytes beyond the contents, up to the region's size, are zero. */
export type Contents =
  /** A view of input data (kernel segment, ramdisk): not copied. */
  | { kind: "file"; bytes: Uint8Array }
  /** A small structure made by the builder. */
  | { kind: "bytes"; bytes: Uint8Array }
  | { kind: "zero" }
  /** `entries` little-endian u64, entry i = i. */
  | { kind: "identity-p2m"; entries: number }
  /** The frames L4, L3s, L2s, L1s that map [virtBase, virtEnd) to [0, ...) with 4 KiB pages. */
  | { kind: "page-tables"; virtBase: bigint; virtEnd: bigint }
  /** 128 stubs of 32 bytes; with `smpShims` three of them translate, see image/smp-shims.ts. */
  | { kind: "hypercall-page"; trap: HypercallTrap; smpShims: boolean };

/** How the stubs of a hypercall page reach the hypervisor. */
export type HypercallTrap = { kind: "vmcall" } | { kind: "vmmcall" } | { kind: "port"; port: number };

export interface Region {
  /** `kernel[0]`, `ramdisk`, `p2m`, `start_info`, `xenstore`, `console`, `shared_info`, `page_tables`, `boot_stack`, `hypercall_page`, `modlist`, `cmdline`, `memmap`, `acpi`... */
  name: string;
  gpa: number;
  /** Bytes. */
  size: number;
  contents: Contents;
}

export interface SegmentRegister {
  selector: number;
  base: bigint;
  limit: number;
  /** Packed as in Xen's HVM context: bits 0-3 type, 4 S, 5-6 DPL, 7 P, 8 AVL, 9 L, 10 D/B, 11 G. 0 = unusable. */
  attributes: number;
}

export interface DescriptorTable {
  base: bigint;
  limit: number;
}

export type GeneralRegister =
  | "rax"
  | "rbx"
  | "rcx"
  | "rdx"
  | "rsi"
  | "rdi"
  | "rsp"
  | "rbp"
  | "r8"
  | "r9"
  | "r10"
  | "r11"
  | "r12"
  | "r13"
  | "r14"
  | "r15"
  | "rip"
  | "rflags";

/** The whole initial state of vCPU 0. */
export interface VcpuContext {
  registers: Record<GeneralRegister, bigint>;
  segments: Record<"cs" | "ds" | "es" | "fs" | "gs" | "ss" | "tr" | "ldtr", SegmentRegister>;
  gdt: DescriptorTable;
  idt: DescriptorTable;
  cr0: bigint;
  cr2: bigint;
  cr3: bigint;
  cr4: bigint;
  efer: bigint;
  pat: bigint;
  dr6: bigint;
  dr7: bigint;
  kernelGsBase: bigint;
}

export interface DomainImage {
  bootInterface: BootInterface;
  platform: Platform;
  /** Sum of all RAM that the config asked for, in bytes. */
  memory: number;
  /** What the guest's memory may grow to, in bytes; at least `memory`. `ram` covers it. */
  maxMemory: number;
  ram: RamRange[];
  /** What the guest is told about its memory; emission order. */
  memoryMap: MemoryMapEntry[];
  /** In order of writing. Only `hypercall_page` lies inside another region (the kernel's). */
  regions: Region[];
  /** Guest-physical addresses of the pages that the hypervisor and the guest share; absent where there is none. */
  pages: {
    startInfo: number;
    sharedInfo?: number;
    xenstore?: number;
    console?: number;
    hypercallPage?: number;
    pageTables?: number;
  };
  /** Where virtual addresses of the initial mapping begin and end; classic only. */
  mapping?: { virtBase: bigint; virtEnd: bigint };
  vcpu: VcpuContext;
}
