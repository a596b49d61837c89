import { sectionType, segmentType } from "@pvh/abi";
import { hex, PvhError } from "@pvh/errors";
import { roundUp, textOf, u32At, viewAt } from "./bytes.ts";
import { type ElfFile, sectionName } from "./elf.ts";
import type { KernelNote } from "./types.ts";

/** Notes and gaps that are looked at in one file. Linux has some 20 notes; the bound is there for hostile files. */
const maxNotes = 4096;

const headerSize = 12;

interface Range {
  bytes: Uint8Array;
  /** Of the range, in the file. */
  offset: number;
  align: bigint;
  source: string;
  inSegment: boolean;
}

interface Walk {
  notes: KernelNote[];
  /** Why the walk ended early. */
  trouble?: string;
}

/**
 * Every note of every PT_NOTE segment and SHT_NOTE section. A note that both hold is listed once.
 *
 * Names and descriptors are padded to 4 bytes, also in ELF64 files; but some toolchains pad to 8 where the alignment
 * of segment or section says so, and some say 8 and pad to 4. So the declared alignment is tried first, then the other.
 */
export function readNotes(elf: ElfFile, warn: (sentence: string) => void): KernelNote[] {
  const notes = new Map<string, KernelNote>();
  const budget = { left: maxNotes };
  for (const range of noteRanges(elf)) {
    const { notes: found, trouble } = walkRange(range, budget);
    if (trouble !== undefined) warn(`The notes in ${range.source} are not all readable: ${trouble}.`);
    for (const note of found) {
      const key = `${note.offset}:${note.desc.byteOffset}:${note.desc.length}`;
      if (!notes.has(key)) notes.set(key, note);
    }
  }
  return [...notes.values()];
}

function* noteRanges(elf: ElfFile): Iterable<Range> {
  const seen = new Set<string>();
  for (const header of elf.programs) {
    if (header.type !== segmentType.NOTE || header.offset === 0n || header.filesz === 0n) continue;
    const source = `segment ${header.index}`;
    const bytes = viewAt(
      elf.bytes,
      `note ${source}`,
      `phdr[${header.index}].p_filesz`,
      header.offset,
      header.filesz,
    );
    const key = `${header.offset}:${header.filesz}:${header.align}`;
    if (seen.has(key)) continue;
    seen.add(key);
    yield { bytes, offset: Number(header.offset), align: header.align, source, inSegment: true };
  }
  for (const header of elf.sections) {
    if (header.type !== sectionType.NOTE || header.size === 0n) continue;
    const name = sectionName(elf, header);
    const source = `section ${name === undefined || name === "" ? header.index : name}`;
    const bytes = viewAt(
      elf.bytes,
      `note ${source}`,
      `shdr[${header.index}].sh_size`,
      header.offset,
      header.size,
    );
    const key = `${header.offset}:${header.size}:${header.align}`;
    if (seen.has(key)) continue;
    seen.add(key);
    yield { bytes, offset: Number(header.offset), align: header.align, source, inSegment: false };
  }
}

function walkRange(range: Range, budget: { left: number }): Walk {
  const declared = range.align === 8n ? 8 : 4;
  const first = walk(range, declared, budget);
  if (first.trouble === undefined) return first;
  const second = walk(range, declared === 8 ? 4 : 8, budget);
  if (second.trouble === undefined) return second;
  return declared === 8 ? second : first;
}

function walk(range: Range, align: 4 | 8, budget: { left: number }): Walk {
  const { bytes } = range;
  const notes: KernelNote[] = [];
  let at = 0;
  while (at + headerSize <= bytes.length) {
    if (budget.left-- <= 0) throw tooManyNotes(range, at);
    if (isGap(bytes, at)) {
      at += 4;
      continue;
    }
    const nameEnd = at + headerSize + u32At(bytes, at);
    const descStart = roundUp(nameEnd, align);
    const descSize = u32At(bytes, at + 4);
    if (nameEnd > bytes.length || descStart > bytes.length) {
      const left = bytes.length - at - headerSize;
      return {
        notes,
        trouble: `the note at offset ${hex(range.offset + at)} has a name of ${u32At(bytes, at)} bytes where ${left} are left`,
      };
    }
    const descEnd = descStart + descSize;
    const cut = descEnd > bytes.length;
    notes.push({
      owner: textOf(bytes.subarray(at + headerSize, nameEnd), 64),
      number: u32At(bytes, at + 8),
      desc: bytes.subarray(descStart, descEnd),
      offset: range.offset + at,
      source: range.source,
      inSegment: range.inSegment,
      cut,
    });
    if (cut) {
      const left = bytes.length - descStart;
      return {
        notes,
        trouble: `the note at offset ${hex(range.offset + at)} has a descriptor of ${descSize} bytes where ${left} are left`,
      };
    }
    at = roundUp(descEnd, align);
  }
  const rest = bytes.length - at;
  if (rest > 0 && bytes.subarray(at).some((byte) => byte !== 0)) {
    return { notes, trouble: `${rest} bytes at the end, at offset ${hex(range.offset + at)}, are no note` };
  }
  return { notes };
}

/**
 * Linkers put zeros before a note that is aligned to 8 in a range of notes aligned to 4. A header of zeros is none;
 * and four zero bytes before a header with a good name are taken for padding, not for a note without name.
 */
function isGap(bytes: Uint8Array, at: number): boolean {
  if (u32At(bytes, at) !== 0) return false;
  if (u32At(bytes, at + 4) === 0 && u32At(bytes, at + 8) === 0) return true;
  const nameSize = u32At(bytes, at + 4);
  const name = bytes.subarray(at + 4 + headerSize, at + 4 + headerSize + nameSize);
  return nameSize >= 2 && nameSize <= 32 && name.length === nameSize && isName(name);
}

function isName(bytes: Uint8Array): boolean {
  const nul = bytes.indexOf(0);
  return nul > 0 && nul === bytes.length - 1 && bytes.subarray(0, nul).every((b) => b > 0x20 && b < 0x7f);
}

function tooManyNotes(range: Range, at: number): PvhError {
  return new PvhError(
    "KERNEL_NOTE",
    `The kernel has more than ${maxNotes} notes; the last one read is in ${range.source} at offset ${hex(range.offset + at)}.`,
    {
      field: "notes",
      offset: range.offset + at,
      found: `more than ${maxNotes}`,
      allowed: `at most ${maxNotes}`,
    },
  );
}

/** Xen compares the name with its NUL. */
export function isXenNote(note: KernelNote): boolean {
  return note.owner === "Xen";
}
