import { elf32Header, elf32SectionHeader, elf64Header, elf64SectionHeader, sectionType } from "@pvh/abi";
import { roundUp, viewAt } from "./bytes.ts";
import type { ElfFile } from "./elf.ts";
import type { SymbolTable } from "./types.ts";

const formats = {
  32: { header: elf32Header, section: elf32SectionHeader, align: 4 },
  64: { header: elf64Header, section: elf64SectionHeader, align: 8 },
} as const;

/** Null, symbol table, string table. */
const sectionCount = 3;

/**
 * The symbol table that kernels with the note BSD_SYMTAB find behind their end: a size word, then a small ELF file
 * that has only symbols, in the form of Xen 4.7 and newer. Undefined when the kernel has no symbols (stripped).
 *
 * The ELF header stands right behind the size word, so not aligned; offsets in its section headers count from it,
 * while the tables themselves are aligned in memory.
 */
export function readSymbolTable(elf: ElfFile, kernelEnd: bigint): SymbolTable | undefined {
  const symtab = elf.sections.find((section) => section.type === sectionType.SYMTAB);
  const strtab = symtab === undefined ? undefined : elf.sections[symtab.link];
  if (symtab === undefined || strtab === undefined || strtab.type !== sectionType.STRTAB) return undefined;
  const symbols = viewAt(
    elf.bytes,
    "symbol table",
    `shdr[${symtab.index}].sh_size`,
    symtab.offset,
    symtab.size,
  );
  const strings = viewAt(
    elf.bytes,
    "string table of the symbols",
    `shdr[${strtab.index}].sh_size`,
    strtab.offset,
    strtab.size,
  );

  const { header: headerStruct, section, align } = formats[elf.class];
  const headerAt = 4;
  const sectionsAt = headerAt + headerStruct.size;
  const symtabAt = roundUp(sectionsAt + sectionCount * section.size, align);
  const strtabAt = roundUp(symtabAt + symbols.length, align);
  const size = roundUp(strtabAt + strings.length, align);

  const header = new Uint8Array(symtabAt);
  new DataView(header.buffer).setUint32(0, strtabAt + strings.length - headerAt, true);
  header.set(elf.bytes.subarray(0, headerStruct.size), headerAt);
  headerStruct.writeTo(header, headerAt, {
    e_version: 1,
    e_phoff: 0,
    e_shoff: headerStruct.size,
    e_ehsize: headerStruct.size,
    e_phentsize: 0,
    e_phnum: 0,
    e_shentsize: section.size,
    e_shnum: sectionCount,
    e_shstrndx: 0,
  });
  header.set(symtab.raw, sectionsAt + section.size);
  section.writeTo(header, sectionsAt + section.size, {
    sh_name: 0,
    sh_offset: symtabAt - headerAt,
    sh_link: 2,
  });
  header.set(strtab.raw, sectionsAt + 2 * section.size);
  section.writeTo(header, sectionsAt + 2 * section.size, { sh_name: 0, sh_offset: strtabAt - headerAt });

  const misaligned = Number(kernelEnd % BigInt(align));
  return {
    padding: misaligned === 0 ? 0 : align - misaligned,
    size,
    parts: [
      { name: "header", offset: 0, bytes: header },
      { name: "symtab", offset: symtabAt, bytes: symbols },
      { name: "strtab", offset: strtabAt, bytes: strings },
    ],
  };
}
