import {
  CORE_FORMAT_VERSION,
  CORE_MAGIC_HVM,
  coreHeaderNote,
  DUMPCORE_NOTE,
  elf64Header,
  elf64SectionHeader,
  elfIdent,
  elfMachine,
  elfMagic,
  elfNoteHeader,
  elfType,
  PAGE_SIZE,
  sectionType,
  vcpuGuestContext,
} from "@pvh/abi";

/** Frames `first` to `first + count - 1` of a domain. */
export interface FrameRange {
  first: number;
  count: number;
}

export interface CoreFacts {
  /** A vcpu_guest_context of each vCPU. */
  contexts: readonly Uint8Array[];
  /** What the hypervisor says of itself. */
  version: Uint8Array;
  /** Frames that have memory, by rising number. */
  frames: readonly FrameRange[];
}

const EV_CURRENT = 1;
const names = ["", ".shstrtab", ".note.Xen", ".xen_prstatus", ".xen_pages", ".xen_pfn"] as const;
type SectionName = (typeof names)[number];
const stringTable = Buffer.from(`${names.join("\0")}\0`);

/** What stands before the pages of an ELF core as `xl dump-core` writes it: headers, notes, vCPUs; whole pages. */
export function coreHead({ contexts, version, frames }: CoreFacts): Uint8Array {
  const pages = pagesOf(frames);
  const notes = Buffer.concat([
    note(DUMPCORE_NOTE.NONE, new Uint8Array()),
    note(
      DUMPCORE_NOTE.HEADER,
      coreHeaderNote.encode({
        xch_magic: CORE_MAGIC_HVM,
        xch_nr_vcpus: contexts.length,
        xch_nr_pages: pages,
        xch_page_size: PAGE_SIZE,
      }),
    ),
    note(DUMPCORE_NOTE.XEN_VERSION, version),
    note(DUMPCORE_NOTE.FORMAT_VERSION, new Uint8Array(BigUint64Array.of(CORE_FORMAT_VERSION).buffer)),
  ]);
  const vcpus = Buffer.concat(contexts);
  const notesAt = elf64Header.size + names.length * elf64SectionHeader.size;
  const vcpusAt = notesAt + notes.length;
  const pagesAt = Math.ceil((vcpusAt + vcpus.length) / PAGE_SIZE) * PAGE_SIZE;
  const numbersAt = pagesAt + pages * PAGE_SIZE;
  const namesAt = numbersAt + pages * 8;
  const { PROGBITS, STRTAB, NOTE } = sectionType;
  const sections = [
    section("", 0, 0, 0),
    section(".shstrtab", STRTAB, namesAt, stringTable.length),
    section(".note.Xen", NOTE, notesAt, notes.length),
    section(".xen_prstatus", PROGBITS, vcpusAt, vcpus.length, vcpuGuestContext.size, 8),
    section(".xen_pages", PROGBITS, pagesAt, pages * PAGE_SIZE, PAGE_SIZE, PAGE_SIZE),
    section(".xen_pfn", PROGBITS, numbersAt, pages * 8, 8, 8),
  ];
  const head = new Uint8Array(pagesAt);
  head.set(Buffer.concat([fileHeader(sections.length), ...sections, notes, vcpus]));
  return head;
}

/** What stands behind the pages: the number of each, and the names of the sections. */
export function* coreTail(frames: readonly FrameRange[]): Generator<Uint8Array> {
  for (const { first, count } of frames) {
    yield new Uint8Array(BigUint64Array.from({ length: count }, (_, i) => BigInt(first + i)).buffer);
  }
  yield stringTable;
}

function pagesOf(frames: readonly FrameRange[]): number {
  return frames.reduce((sum, { count }) => sum + count, 0);
}

function fileHeader(sections: number): Uint8Array {
  const ident = new Uint8Array(elfIdent.size);
  ident.set(elfMagic);
  ident[elfIdent.class] = elfIdent.class64;
  ident[elfIdent.data] = elfIdent.dataLittleEndian;
  ident[elfIdent.version] = EV_CURRENT;
  return elf64Header.encode({
    e_ident: ident,
    e_type: elfType.CORE,
    e_machine: elfMachine.X86_64,
    e_version: EV_CURRENT,
    e_shoff: elf64Header.size,
    e_ehsize: elf64Header.size,
    e_shentsize: elf64SectionHeader.size,
    e_shnum: sections,
    e_shstrndx: names.indexOf(".shstrtab"),
  });
}

function section(
  name: SectionName,
  type: number,
  offset: number,
  size: number,
  entry = 0,
  align = 0,
): Uint8Array {
  const before = names.slice(0, names.indexOf(name));
  return elf64SectionHeader.encode({
    sh_name: before.reduce((sum, { length }) => sum + length + 1, 0),
    sh_type: type,
    sh_offset: offset,
    sh_size: size,
    sh_addralign: align,
    sh_entsize: entry,
  });
}

/** Descriptors are whole words. */
function note(type: number, descriptor: Uint8Array): Uint8Array {
  const name = Buffer.from("Xen\0");
  const header = elfNoteHeader.encode({ n_namesz: name.length, n_descsz: descriptor.length, n_type: type });
  return Buffer.concat([header, name, descriptor]);
}
