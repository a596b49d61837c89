import {
  elf32Header,
  elf32ProgramHeader,
  elf32SectionHeader,
  elf64Header,
  elf64ProgramHeader,
  elf64SectionHeader,
  elfNoteHeader,
  sectionType,
  segmentType,
  type XenNoteName,
  xenNotes,
} from "@pvh/abi";

/** For tests: makes ELF and bzImage files, good ones and, by overriding header fields, bad ones. */

export interface TestElf {
  /** Default 64. */
  class?: 32 | 64;
  segments?: TestSegment[];
  sections?: TestSection[];
  /** Placed by `notesIn`; default: one PT_NOTE segment. */
  notes?: TestNote[];
  notesIn?: "segment" | "section" | "both";
  /** What names and descriptors are padded to. Default 4. */
  notePadding?: 4 | 8;
  /** `p_align` and `sh_addralign`. Default: `notePadding`. */
  noteAlign?: number;
  /** Fields of the ELF header: `{ e_machine: 183 }`. */
  header?: Record<string, number | bigint>;
}

export interface TestSegment {
  paddr: number | bigint;
  bytes?: Uint8Array;
  /** Default: as many as `bytes`. */
  memsz?: number | bigint;
  /** Fields of the program header: `{ p_filesz: 1n << 40n }`. */
  header?: Record<string, number | bigint>;
}

export interface TestSection {
  name: string;
  type: number;
  bytes: Uint8Array;
  /** Fields of the section header: `{ sh_link: 3 }`. Section 0 is the null section, yours begin at 1. */
  header?: Record<string, number | bigint>;
}

export interface TestNote {
  /** Default "Xen". */
  owner?: string;
  type: number;
  desc: Uint8Array;
}

const formats = {
  32: { header: elf32Header, program: elf32ProgramHeader, section: elf32SectionHeader, machine: 3 },
  64: { header: elf64Header, program: elf64ProgramHeader, section: elf64SectionHeader, machine: 62 },
} as const;

export function buildElf(spec: TestElf): Uint8Array<ArrayBuffer> {
  const elfClass = spec.class ?? 64;
  const format = formats[elfClass];
  const segments = [...(spec.segments ?? [])];
  const sections = [...(spec.sections ?? [])];
  const notes = noteBytes(spec.notes ?? [], spec.notePadding ?? 4);
  const noteAlign = spec.noteAlign ?? spec.notePadding ?? 4;
  const notesIn = notes.length === 0 ? "nowhere" : (spec.notesIn ?? "segment");

  const file = new Pieces(format.header.size);
  const headers: Record<string, number | bigint>[] = segments.map(
    ({ paddr, bytes = new Uint8Array(), memsz, header }) => ({
      p_type: segmentType.LOAD,
      p_flags: 7,
      p_offset: file.add(bytes, 16),
      p_paddr: paddr,
      p_filesz: bytes.length,
      p_memsz: memsz ?? bytes.length,
      p_align: 16,
      ...header,
    }),
  );
  const notesAt = file.add(notes, 16);
  if (notesIn === "segment" || notesIn === "both") {
    const size = notes.length;
    headers.push({
      p_type: segmentType.NOTE,
      p_flags: 4,
      p_offset: notesAt,
      p_filesz: size,
      p_align: noteAlign,
    });
  }

  const names = new Pieces(1);
  const sectionHeaders: Record<string, number | bigint>[] = sections.map(({ name, type, bytes, header }) => ({
    sh_name: names.add(text(name), 1),
    sh_type: type,
    sh_offset: file.add(bytes, 16),
    sh_size: bytes.length,
    sh_addralign: 1,
    ...header,
  }));
  if (notesIn === "section" || notesIn === "both") {
    const sh_name = names.add(text(".notes"), 1);
    sectionHeaders.push({
      sh_name,
      sh_type: sectionType.NOTE,
      sh_offset: notesAt,
      sh_size: notes.length,
      sh_addralign: noteAlign,
    });
  }
  const withSections = sectionHeaders.length > 0;
  if (withSections) {
    const sh_name = names.add(text(".shstrtab"), 1);
    const bytes = names.bytes();
    sectionHeaders.push({
      sh_name,
      sh_type: sectionType.STRTAB,
      sh_offset: file.add(bytes, 1),
      sh_size: bytes.length,
    });
    sectionHeaders.unshift({});
  }

  const programTable = headers.map((values) => format.program.encode(values));
  const sectionTable = sectionHeaders.map((values) => format.section.encode(values));
  const phoff = file.add(concat(programTable), 8);
  const shoff = file.add(concat(sectionTable), 8);
  const bytes = file.bytes();
  format.header.writeTo(bytes, 0, {
    e_ident: Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, elfClass / 32, 1, 1),
    e_type: 2,
    e_machine: format.machine,
    e_version: 1,
    e_phoff: headers.length > 0 ? phoff : 0,
    e_shoff: withSections ? shoff : 0,
    e_ehsize: format.header.size,
    e_phentsize: format.program.size,
    e_phnum: headers.length,
    e_shentsize: format.section.size,
    e_shnum: sectionHeaders.length,
    e_shstrndx: withSections ? sectionHeaders.length - 1 : 0,
    ...spec.header,
  });
  return bytes;
}

/** Notes of owner "Xen": numbers become descriptors of 8 bytes, text ends with NUL, bytes stay as they are. */
export function xenNotesOf(
  values: Partial<Record<XenNoteName, number | bigint | string | Uint8Array>>,
): TestNote[] {
  return Object.entries(values).map(([name, value]) => ({
    type: xenNotes[name as XenNoteName].number,
    desc: typeof value === "string" ? text(value) : value instanceof Uint8Array ? value : u64(value),
  }));
}

export function noteBytes(notes: TestNote[], padding: 4 | 8): Uint8Array<ArrayBuffer> {
  const out = new Pieces(0);
  for (const { owner = "Xen", type, desc } of notes) {
    const name = text(owner);
    const header = elfNoteHeader.encode({ n_namesz: name.length, n_descsz: desc.length, n_type: type });
    out.add(concat([header, name]), padding);
    out.add(desc, padding);
  }
  out.add(new Uint8Array(), padding);
  return out.bytes();
}

export interface TestBzImage {
  payload: Uint8Array;
  /** Appended to the payload as a little-endian word; absent: nothing is appended (gzip). */
  sizeWord?: number;
  /** Default 0x020f. */
  version?: number;
  /** Sectors of setup code; default 4. The field has `setupSectsField` when that differs. */
  setupSects?: number;
  setupSectsField?: number;
  payloadLength?: number;
  payloadOffset?: number;
}

export function buildBzImage(spec: TestBzImage): Uint8Array<ArrayBuffer> {
  const setupSects = spec.setupSects ?? 4;
  const offsetInCode = 0x2cc;
  const word = spec.sizeWord === undefined ? new Uint8Array() : u64(spec.sizeWord).subarray(0, 4);
  const payload = concat([spec.payload, word]);
  const start = (setupSects + 1) * 512 + offsetInCode;
  const file = new Uint8Array(start + payload.length + 64);
  const view = new DataView(file.buffer);
  file.set([0x4d, 0x5a]);
  file[0x1f1] = spec.setupSectsField ?? setupSects;
  view.setUint16(0x1fe, 0xaa55, true);
  file.set(text("HdrS").subarray(0, 4), 0x202);
  view.setUint16(0x206, spec.version ?? 0x020f, true);
  view.setUint32(0x248, spec.payloadOffset ?? offsetInCode, true);
  view.setUint32(0x24c, spec.payloadLength ?? payload.length, true);
  file.set(payload, start);
  return file;
}

/** NUL-terminated. */
export function text(value: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${value}\0`);
}

export function u64(value: number | bigint): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, BigInt(value)), true);
  return bytes;
}

export function concat(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

class Pieces {
  private readonly parts: { at: number; bytes: Uint8Array }[] = [];
  private length: number;

  constructor(reserved: number) {
    this.length = reserved;
  }

  /** The offset that the bytes got. */
  add(bytes: Uint8Array, align: number): number {
    const at = Math.ceil(this.length / align) * align;
    this.parts.push({ at, bytes });
    this.length = at + bytes.length;
    return at;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.length);
    for (const { at, bytes } of this.parts) all.set(bytes, at);
    return all;
  }
}
