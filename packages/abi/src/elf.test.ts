import { expect, test } from "vitest";
import * as elf from "./elf.ts";
import { type HeaderCheck, headerMismatches, headersMissing } from "./header-check.testing.ts";

const check: HeaderCheck = {
  prelude: [],
  includes: ["elf.h"],
  structs: [
    { c: "Elf64_Ehdr", codec: elf.elf64Header },
    { c: "Elf32_Ehdr", codec: elf.elf32Header },
    { c: "Elf64_Phdr", codec: elf.elf64ProgramHeader },
    { c: "Elf32_Phdr", codec: elf.elf32ProgramHeader },
    { c: "Elf64_Shdr", codec: elf.elf64SectionHeader },
    { c: "Elf32_Shdr", codec: elf.elf32SectionHeader },
    { c: "Elf64_Nhdr", codec: elf.elfNoteHeader },
    { c: "Elf32_Nhdr", codec: elf.elfNoteHeader },
  ],
  constants: {
    PN_XNUM: elf.PN_XNUM,
    EI_NIDENT: elf.elfIdent.size,
    EI_CLASS: elf.elfIdent.class,
    EI_DATA: elf.elfIdent.data,
    EI_VERSION: elf.elfIdent.version,
    ELFCLASS32: elf.elfIdent.class32,
    ELFCLASS64: elf.elfIdent.class64,
    ELFDATA2LSB: elf.elfIdent.dataLittleEndian,
    ELFDATA2MSB: elf.elfIdent.dataBigEndian,
    EM_386: elf.elfMachine.I386,
    EM_X86_64: elf.elfMachine.X86_64,
    ...prefixed("ET_", elf.elfType),
    ...prefixed("PT_", elf.segmentType),
    ...prefixed("PF_", elf.segmentFlag),
    ...prefixed("SHT_", elf.sectionType),
  },
};

function prefixed(prefix: string, values: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]));
}

test("structures and constants agree with elf.h", (context) => {
  const missing = headersMissing(check, "install a C compiler");
  if (missing !== undefined) context.skip(missing);
  expect(headerMismatches(check)).toEqual([]);
});
