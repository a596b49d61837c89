import {
  elf32Header,
  elf32ProgramHeader,
  elf32SectionHeader,
  elf64Header,
  elf64ProgramHeader,
  elf64SectionHeader,
  elfIdent,
  elfMachine,
  elfMagic,
  elfType,
  PN_XNUM,
} from "@pvh/abi";
import { hex, PvhError } from "@pvh/errors";
import { startsWith, textOf, viewAt } from "./bytes.ts";

export interface ProgramHeader {
  index: number;
  type: number;
  flags: number;
  offset: bigint;
  paddr: bigint;
  filesz: bigint;
  memsz: bigint;
  align: bigint;
}

export interface SectionHeader {
  index: number;
  /** Offset in the table of section names. */
  name: number;
  type: number;
  offset: bigint;
  size: bigint;
  link: number;
  align: bigint;
  /** View of the header itself. */
  raw: Uint8Array;
}

/** The headers of an ELF file, both classes alike. Nothing they point to has been checked. */
export interface ElfFile {
  bytes: Uint8Array;
  class: 32 | 64;
  machine: number;
  entry: bigint;
  programs: ProgramHeader[];
  sections: SectionHeader[];
  /** Index of the section that holds the section names. */
  shstrndx: number;
}

const formats = {
  32: { header: elf32Header, program: elf32ProgramHeader, section: elf32SectionHeader },
  64: { header: elf64Header, program: elf64ProgramHeader, section: elf64SectionHeader },
} as const;

/** Machines that a wrongly picked kernel may be built for. Source: `/usr/include/elf.h`. */
const machineNames: Record<number, string> = {
  2: "SPARC",
  3: "i386",
  8: "MIPS",
  20: "PowerPC",
  21: "PowerPC 64",
  22: "S/390",
  40: "ARM",
  43: "SPARC 64",
  50: "IA-64",
  62: "x86-64",
  183: "AArch64",
  243: "RISC-V",
  258: "LoongArch",
};

const typeNames: Record<number, string> = {
  0: "no type (ET_NONE)",
  1: "a relocatable object (ET_REL), such as a kernel module",
  4: "a core dump (ET_CORE)",
};

/** Reads the header and both header tables of an ELF file. */
export function readElf(bytes: Uint8Array): ElfFile {
  if (!startsWith(bytes, elfMagic)) {
    throw new PvhError("KERNEL_ELF", "The kernel does not begin with the ELF magic 7f 45 4c 46.", {
      field: "e_ident",
      offset: 0,
    });
  }
  const elfClass = readClass(bytes);
  const format = formats[elfClass];
  viewAt(bytes, "ELF header", "e_ident", 0, format.header.size);
  const header = format.header.decode(bytes);

  if (header.e_type !== elfType.EXEC && header.e_type !== elfType.DYN) {
    const found = typeNames[header.e_type] ?? `type ${hex(header.e_type)}`;
    throw new PvhError("KERNEL_ELF", `The ELF file is ${found}; a kernel is ET_EXEC (2) or ET_DYN (3).`, {
      field: "e_type",
      offset: 16,
      found: header.e_type,
      allowed: "2 or 3",
    });
  }
  if (header.e_machine !== elfMachine.I386 && header.e_machine !== elfMachine.X86_64) {
    const found = machineNames[header.e_machine] ?? "an unknown machine";
    throw new PvhError(
      "KERNEL_ELF",
      `The kernel is built for ${found} (e_machine ${header.e_machine}); guests are x86-64 (62) or i386 (3).`,
      { field: "e_machine", offset: 18, found: header.e_machine, allowed: "62 or 3" },
    );
  }
  if (header.e_phnum === PN_XNUM) {
    throw new PvhError(
      "KERNEL_ELF",
      "The kernel has 65535 or more program headers (e_phnum is PN_XNUM); at most 65534 are supported.",
      { field: "e_phnum", offset: elfClass === 64 ? 56 : 44, found: PN_XNUM, allowed: "at most 65534" },
    );
  }
  if (header.e_phnum > 0) checkEntrySize("e_phentsize", header.e_phentsize, format.program.size);
  // Without a table, or with the count in section 0 (e_shnum 0), a domain builder sees no sections.
  const shnum = BigInt(header.e_shoff) === 0n ? 0 : header.e_shnum;
  if (shnum > 0) checkEntrySize("e_shentsize", header.e_shentsize, format.section.size);

  const programTable = viewAt(
    bytes,
    "program header table",
    "e_phoff",
    header.e_phoff,
    header.e_phnum * format.program.size,
  );
  const sectionTable = viewAt(
    bytes,
    "section header table",
    "e_shoff",
    header.e_shoff,
    shnum * format.section.size,
  );
  return {
    bytes,
    class: elfClass,
    machine: header.e_machine,
    entry: BigInt(header.e_entry),
    programs: Array.from({ length: header.e_phnum }, (_, index) => {
      const raw = format.program.decode(programTable, index * format.program.size);
      return {
        index,
        type: raw.p_type,
        flags: raw.p_flags,
        offset: BigInt(raw.p_offset),
        paddr: BigInt(raw.p_paddr),
        filesz: BigInt(raw.p_filesz),
        memsz: BigInt(raw.p_memsz),
        align: BigInt(raw.p_align),
      };
    }),
    sections: Array.from({ length: shnum }, (_, index) => {
      const at = index * format.section.size;
      const raw = format.section.decode(sectionTable, at);
      return {
        index,
        name: raw.sh_name,
        type: raw.sh_type,
        offset: BigInt(raw.sh_offset),
        size: BigInt(raw.sh_size),
        link: raw.sh_link,
        align: BigInt(raw.sh_addralign),
        raw: sectionTable.subarray(at, at + format.section.size),
      };
    }),
    shstrndx: header.e_shstrndx,
  };
}

function readClass(bytes: Uint8Array): 32 | 64 {
  viewAt(bytes, "ELF identification", "e_ident", 0, elfIdent.size);
  const data = bytes[elfIdent.data] ?? 0;
  if (data !== elfIdent.dataLittleEndian) {
    const found = data === elfIdent.dataBigEndian ? "big endian" : `of unknown byte order ${data}`;
    throw new PvhError("KERNEL_ELF", `The ELF file is ${found}; x86 kernels are little endian (1).`, {
      field: "e_ident[EI_DATA]",
      offset: elfIdent.data,
      found: data,
      allowed: elfIdent.dataLittleEndian,
    });
  }
  const elfClass = bytes[elfIdent.class] ?? 0;
  if (elfClass === elfIdent.class64) return 64;
  if (elfClass === elfIdent.class32) return 32;
  throw new PvhError("KERNEL_ELF", `The ELF class is ${elfClass}; right would be 1 (32 bit) or 2 (64 bit).`, {
    field: "e_ident[EI_CLASS]",
    offset: elfIdent.class,
    found: elfClass,
    allowed: "1 or 2",
  });
}

function checkEntrySize(field: "e_phentsize" | "e_shentsize", found: number, allowed: number): void {
  if (found === allowed) return;
  throw new PvhError("KERNEL_ELF", `${field} is ${found}; entries of this class have ${allowed} bytes.`, {
    field,
    found,
    allowed,
  });
}

/** Name of a section; undefined when the file has no usable table of names. */
export function sectionName(elf: ElfFile, section: SectionHeader): string | undefined {
  const names = elf.sections[elf.shstrndx];
  if (names === undefined) return undefined;
  const start = names.offset + BigInt(section.name);
  const end = names.offset + names.size;
  if (start >= end || end > BigInt(elf.bytes.length)) return undefined;
  return textOf(elf.bytes.subarray(Number(start), Number(end)), 63);
}
