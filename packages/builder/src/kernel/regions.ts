import type { Contents, Region } from "../image/image.ts";
import type { BootAddresses, Kernel } from "./types.ts";

/**
 * What must stand in guest memory before the kernel is entered: `kernel[i]` for each segment (i is its index in the
 * program header table), then `bsd_symtab.header`, `.symtab` and `.strtab` when the kernel asks for its symbols.
 * Contents are views of the ELF file. `boot` comes from the verdict of the interface that was chosen.
 */
export function kernelRegions(kernel: Kernel, boot: BootAddresses): Region[] {
  const gpaOf = (paddr: bigint) => Number(BigInt.asUintN(64, paddr - boot.paddrOffset));
  const regions = kernel.segments.map(({ index, paddr, offset, filesz, memsz }): Region => {
    const contents: Contents =
      filesz === 0 ? { kind: "zero" } : { kind: "file", bytes: kernel.elf.subarray(offset, offset + filesz) };
    return { name: `kernel[${index}]`, gpa: gpaOf(paddr), size: memsz, contents };
  });
  if (kernel.bsdSymtab !== undefined) {
    const base = gpaOf(kernel.pend) + kernel.bsdSymtab.padding;
    for (const { name, offset, bytes } of kernel.bsdSymtab.parts) {
      const kind = name === "header" ? "bytes" : "file";
      regions.push({
        name: `bsd_symtab.${name}`,
        gpa: base + offset,
        size: bytes.length,
        contents: { kind, bytes },
      });
    }
  }
  return regions;
}
