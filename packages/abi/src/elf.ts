/** ELF as far as a kernel loader reads it. Source: System V gABI chapters 4 and 5, `/usr/include/elf.h`. */
import { bytes, struct, u16, u32, u64 } from "./struct.ts";

export const elfMagic = [0x7f, 0x45, 0x4c, 0x46] as const;

/** Indexes and values of `e_ident`. */
export const elfIdent = {
  size: 16,
  class: 4,
  class32: 1,
  class64: 2,
  data: 5,
  dataLittleEndian: 1,
  dataBigEndian: 2,
  version: 6,
} as const;

export const elfType = { REL: 1, EXEC: 2, DYN: 3, CORE: 4 } as const;

export const elfMachine = { I386: 3, X86_64: 62 } as const;

export const segmentType = { LOAD: 1, NOTE: 4 } as const;

/** Bits of `p_flags`. */
export const segmentFlag = { X: 1, W: 2, R: 4 } as const;

export const sectionType = { PROGBITS: 1, SYMTAB: 2, STRTAB: 3, NOTE: 7, NOBITS: 8 } as const;

/** `e_phnum` when the real count stands in section header 0. */
export const PN_XNUM = 0xffff;

/** Elf64_Ehdr */
export const elf64Header = struct("Elf64_Ehdr", 64, {
  e_ident: bytes(0, 16),
  e_type: u16(16),
  e_machine: u16(18),
  e_version: u32(20),
  e_entry: u64(24),
  e_phoff: u64(32),
  e_shoff: u64(40),
  e_flags: u32(48),
  e_ehsize: u16(52),
  e_phentsize: u16(54),
  e_phnum: u16(56),
  e_shentsize: u16(58),
  e_shnum: u16(60),
  e_shstrndx: u16(62),
});

/** Elf32_Ehdr */
export const elf32Header = struct("Elf32_Ehdr", 52, {
  e_ident: bytes(0, 16),
  e_type: u16(16),
  e_machine: u16(18),
  e_version: u32(20),
  e_entry: u32(24),
  e_phoff: u32(28),
  e_shoff: u32(32),
  e_flags: u32(36),
  e_ehsize: u16(40),
  e_phentsize: u16(42),
  e_phnum: u16(44),
  e_shentsize: u16(46),
  e_shnum: u16(48),
  e_shstrndx: u16(50),
});

/** Elf64_Phdr */
export const elf64ProgramHeader = struct("Elf64_Phdr", 56, {
  p_type: u32(0),
  p_flags: u32(4),
  p_offset: u64(8),
  p_vaddr: u64(16),
  p_paddr: u64(24),
  p_filesz: u64(32),
  p_memsz: u64(40),
  p_align: u64(48),
});

/** Elf32_Phdr */
export const elf32ProgramHeader = struct("Elf32_Phdr", 32, {
  p_type: u32(0),
  p_offset: u32(4),
  p_vaddr: u32(8),
  p_paddr: u32(12),
  p_filesz: u32(16),
  p_memsz: u32(20),
  p_flags: u32(24),
  p_align: u32(28),
});

/** Elf64_Shdr */
export const elf64SectionHeader = struct("Elf64_Shdr", 64, {
  sh_name: u32(0),
  sh_type: u32(4),
  sh_flags: u64(8),
  sh_addr: u64(16),
  sh_offset: u64(24),
  sh_size: u64(32),
  sh_link: u32(40),
  sh_info: u32(44),
  sh_addralign: u64(48),
  sh_entsize: u64(56),
});

/** Elf32_Shdr */
export const elf32SectionHeader = struct("Elf32_Shdr", 40, {
  sh_name: u32(0),
  sh_type: u32(4),
  sh_flags: u32(8),
  sh_addr: u32(12),
  sh_offset: u32(16),
  sh_size: u32(20),
  sh_link: u32(24),
  sh_info: u32(28),
  sh_addralign: u32(32),
  sh_entsize: u32(36),
});

/** Elf32_Nhdr and Elf64_Nhdr, which are the same. */
export const elfNoteHeader = struct("Elf_Nhdr", 12, { n_namesz: u32(0), n_descsz: u32(4), n_type: u32(8) });
