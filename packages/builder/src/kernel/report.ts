import { elfMachine, xenFeatureNames, xenNoteName } from "@pvh/abi";
import { hex } from "@pvh/errors";
import type { Compression } from "../decompress/index.ts";
import { rawBytes, textOf } from "./bytes.ts";
import { isXenNote } from "./notes.ts";
import type { Kernel, KernelFormat, KernelNote, Verdict } from "./types.ts";
import { interfaceHelp } from "./verdict.ts";
import { noteValue } from "./xen-notes.ts";

/** What `pvhctl inspect` prints. JSON-able; addresses and offsets are strings `0x...`, sizes are numbers of bytes. */
export interface KernelReport {
  format: KernelFormat;
  compression: Compression;
  elf: {
    class: 32 | 64;
    machine: "x86-64" | "i386";
    /** Bytes of the unpacked file. */
    size: number;
    entry: string;
    /** `p_paddr` of the lowest segment, and the end of the highest. */
    start: string;
    end: string;
    segments: {
      index: number;
      paddr: string;
      offset: string;
      filesz: number;
      memsz: number;
      /** `rwx`, with `-` for what is not set. */
      flags: string;
    }[];
  };
  notes: NoteReport[];
  features: { supported: string[]; required: string[] };
  /** Where features and addresses were read from; null when the kernel says nothing to Xen. */
  source: "notes" | "__xen_guest" | null;
  abis: { direct: AbiReport; classic: AbiReport };
  /** Bytes of the BSD symbol table that the kernel asks for; null when it does not. */
  symbol_table: number | null;
  warnings: string[];
}

export interface NoteReport {
  /** The note's number among its owner's. */
  type: number;
  /** What its owner calls that type: `PHYS32_ENTRY`, `BUILD_ID`...; the number where that is not known. */
  name: string;
  /** `0x...` for numbers, text for strings, else bytes: `de ad be ef`. */
  value: string;
  /** `Xen`, `GNU`, `Linux`... */
  owner: string;
  source: string;
  offset: string;
}

export interface AbiReport {
  supported: boolean;
  /** `absent`: the kernel does not offer it. `invalid`: it does, but in a way that cannot work. */
  state: "supported" | "absent" | "invalid";
  /** Direct: guest-physical. Classic: virtual. Null when not supported. */
  entry: string | null;
  /** Notes and features that the kernel lacks. */
  missing: string[];
  /** What is there and wrong. */
  problems: string[];
  /** Where kernels come from that are supported; absent when this one is. */
  help?: string;
}

/** Names of `n_type` by owner. Source: `/usr/include/elf.h`, Linux include/linux/elfnote-lto.h and build-salt.h. */
const otherNotes: Record<string, Record<number, string>> = {
  GNU: { 1: "ABI_TAG", 2: "HWCAP", 3: "BUILD_ID", 4: "GOLD_VERSION", 5: "PROPERTY_TYPE_0" },
  Linux: { 256: "BUILD_SALT", 257: "LTO_INFO" },
  FreeBSD: { 1: "ABI_TAG", 2: "NOINIT_TAG", 3: "ARCH_TAG", 4: "FEATURE_CTL" },
  NetBSD: { 1: "IDENT" },
};

export function kernelReport(kernel: Kernel): KernelReport {
  const { direct, classic } = kernel;
  return {
    format: kernel.format,
    compression: kernel.compression,
    elf: {
      class: kernel.class,
      machine: kernel.machine === elfMachine.X86_64 ? "x86-64" : "i386",
      size: kernel.elf.length,
      entry: hex(kernel.entry),
      start: hex(kernel.pstart),
      end: hex(kernel.pend),
      segments: kernel.segments.map(({ index, paddr, offset, filesz, memsz, flags }) => ({
        index,
        paddr: hex(paddr),
        offset: hex(offset),
        filesz,
        memsz,
        flags: `${flags & 4 ? "r" : "-"}${flags & 2 ? "w" : "-"}${flags & 1 ? "x" : "-"}`,
      })),
    },
    notes: kernel.notes.map(noteReport),
    features: {
      supported: xenFeatureNames(kernel.xen?.features.supported ?? 0),
      required: xenFeatureNames(kernel.xen?.features.required ?? 0),
    },
    source: kernel.xen?.source ?? null,
    abis: {
      direct: abiReport(
        direct,
        direct.state === "supported" ? hex(direct.boot.entry) : null,
        interfaceHelp.direct,
      ),
      classic: abiReport(
        classic,
        classic.state === "supported" ? hex(classic.boot.entry) : null,
        interfaceHelp.classic,
      ),
    },
    symbol_table: kernel.bsdSymtab?.size ?? null,
    warnings: kernel.warnings,
  };
}

function noteReport(note: KernelNote): NoteReport {
  const known = noteName(note);
  return {
    type: note.number,
    name: known ?? String(note.number),
    value: printedValue(note, known),
    owner: note.owner,
    source: note.source,
    offset: hex(note.offset),
  };
}

function noteName(note: KernelNote): string | undefined {
  if (isXenNote(note)) return xenNoteName(note.number);
  return Object.hasOwn(otherNotes, note.owner) ? otherNotes[note.owner]?.[note.number] : undefined;
}

function printedValue(note: KernelNote, name: string | undefined): string {
  if (isXenNote(note)) return noteValue(note);
  return name === "BUILD_SALT" ? textOf(note.desc, 256) : rawBytes(note.desc);
}

function abiReport(verdict: Verdict<unknown>, entry: string | null, help: string): AbiReport {
  return {
    supported: verdict.state === "supported",
    state: verdict.state,
    entry,
    missing: verdict.missing,
    problems: verdict.problems,
    ...(verdict.state === "supported" ? {} : { help }),
  };
}
