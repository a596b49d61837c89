import type { Compression } from "../decompress/index.ts";

type Wrapper = Exclude<Compression, "none">;

/** `gzip-elf`: a whole ELF file inside gzip; `gzip-bzImage`: a whole bzImage inside gzip. */
export type KernelFormat = "elf" | "bzImage" | `${Wrapper}-elf` | `${Wrapper}-bzImage`;

/** A kernel file reduced to the ELF file it holds. */
export interface UnpackedKernel {
  format: KernelFormat;
  /** What the ELF file was packed with: a bzImage's payload compression, else the wrapper's. */
  compression: Compression;
  /** A view of the input when nothing was compressed. */
  elf: Uint8Array;
}

/** A PT_LOAD entry with at least one of the flags R, W, X. */
export interface LoadSegment {
  /** Index in the program header table. */
  index: number;
  /** As the file has it; {@link BootAddresses.paddrOffset} leads to the guest-physical address. */
  paddr: bigint;
  /** In the ELF file, in bytes. */
  offset: number;
  filesz: number;
  memsz: number;
  /** `p_flags`: bit 0 X, bit 1 W, bit 2 R. */
  flags: number;
}

/** One ELF note, as it stands in the file. */
export interface KernelNote {
  /** Owner name, printable. */
  owner: string;
  /** `n_type` */
  number: number;
  /** View of the descriptor. */
  desc: Uint8Array;
  /** Of the note's header, in the ELF file. */
  offset: number;
  /** `segment 4`, `section .notes`... */
  source: string;
  /** Xen reads notes in sections only when no segment has one. */
  inSegment: boolean;
  /** The declared descriptor goes beyond the end of its segment or section; `desc` ends there. */
  cut: boolean;
}

/** What the kernel tells a Xen domain builder, from its notes or from the older section `__xen_guest`. */
export interface XenParameters {
  source: "notes" | "__xen_guest";
  guestOs?: string;
  guestVersion?: string;
  xenVersion?: string;
  loader?: string;
  paeMode?: "no" | "yes" | "extended-cr3" | "bimodal";
  bsdSymtab: boolean;
  suspendCancel: boolean;
  /** The kernel takes a ramdisk by frame number, outside the initial mapping. */
  modStartPfn: boolean;
  virtBase?: bigint;
  paddrOffset?: bigint;
  /** Virtual address. */
  entry?: bigint;
  /** Virtual address. */
  hypercallPage?: bigint;
  /** Virtual address. */
  initP2m?: bigint;
  hvStartLow?: bigint;
  /** Guest-physical address. */
  phys32Entry?: bigint;
  phys32Reloc?: { align?: number; min?: number; max?: number };
  /** Masks of `1 << XENFEAT bit`. */
  features: { supported: number; required: number };
  /** Notes that are there but cannot be used: note name to the reason. */
  invalid: Map<string, string>;
}

/** The table that BSD kernels find behind their end: generated header, then views of the file. */
export interface SymbolTable {
  /** Distance from the kernel's end to the table, in bytes. */
  padding: number;
  /** Of the whole table, in bytes. */
  size: number;
  /** Ascending, relative to the table's start. */
  parts: { name: "header" | "symtab" | "strtab"; offset: number; bytes: Uint8Array }[];
}

/** Where the kernel goes. Guest-physical addresses in bytes; virtual addresses are `bigint`. */
export interface BootAddresses {
  /** gpa = `p_paddr` - paddrOffset (modulo 2^64) */
  paddrOffset: bigint;
  /** Guest-physical start of the lowest segment. */
  start: number;
  /** Guest-physical end of the highest segment and of the BSD symbol table behind it, if there is one. */
  end: number;
}

export interface DirectBoot extends BootAddresses {
  /** Guest-physical, below 4 GiB. */
  entry: number;
}

export interface ClassicBoot extends BootAddresses {
  /** Virtual address of guest-physical 0. */
  virtBase: bigint;
  /** Virtual. */
  entry: bigint;
  /** Guest-physical, page aligned; absent when the kernel does not ask for a hypercall page. */
  hypercallPage?: number;
  /** Virtual address at which the kernel wants its p2m list; page aligned and below `virtBase`, else absent. */
  initP2m?: bigint;
  modStartPfn: boolean;
}

/** Can the kernel be started by one boot interface? `invalid`: it claims so, but what it says cannot be. */
export type Verdict<Boot> =
  | { state: "supported"; boot: Boot; missing: []; problems: [] }
  | {
      state: "absent" | "invalid";
      /** Names of notes and features that the interface needs and the kernel lacks. */
      missing: string[];
      /** Sentences about what is there and wrong. */
      problems: string[];
    };

/** A kernel, read but not copied: everything planning needs. */
export interface Kernel {
  format: KernelFormat;
  compression: Compression;
  /** The ELF file. */
  elf: Uint8Array;
  class: 32 | 64;
  /** `e_machine`: 3 (i386) or 62 (x86-64). */
  machine: number;
  /** `e_entry` */
  entry: bigint;
  /** Ascending by `paddr`, not overlapping, none empty. */
  segments: LoadSegment[];
  /** Lowest `p_paddr`. */
  pstart: bigint;
  /** Highest `p_paddr + p_memsz`. */
  pend: bigint;
  /** Of every owner: those in segments, then those only in sections. */
  notes: KernelNote[];
  /** Absent when the kernel has neither Xen notes nor a section `__xen_guest`. */
  xen?: XenParameters;
  /** Present when the kernel asks for its symbol table and has one. */
  bsdSymtab?: SymbolTable;
  direct: Verdict<DirectBoot>;
  classic: Verdict<ClassicBoot>;
  /** Sentences about what was odd but could be lived with. */
  warnings: string[];
}
