import { expect, test } from "vitest";
import { concat, type TestElf, text } from "./elf.testing.ts";
import { freebsdClassic, inspectElf } from "./kernels.testing.ts";
import { kernelRegions } from "./regions.ts";
import type { Kernel } from "./types.ts";

/** Guest memory from the kernel's end on, as a loader would leave it. */
function behindKernel(kernel: Kernel): { gpa: number; memory: Uint8Array } {
  if (kernel.classic.state !== "supported") return expect.fail(kernel.classic.problems.join());
  const { boot } = kernel.classic;
  const gpa = Number(kernel.pend - boot.paddrOffset);
  const memory = new Uint8Array(boot.end - gpa);
  for (const region of kernelRegions(kernel, boot)) {
    if (!region.name.startsWith("bsd_symtab.")) continue;
    expect(region.contents.kind).not.toBe("zero");
    if ("bytes" in region.contents) memory.set(region.contents.bytes, region.gpa - gpa);
  }
  return { gpa, memory };
}

/** How FreeBSD finds its symbols (xen_pv_parse_symtab): offsets count from the ELF header behind the size word. */
function readAsGuest(memory: Uint8Array, at: number, elfClass: 32 | 64) {
  const view = new DataView(memory.buffer, at);
  const size = view.getUint32(0, true);
  const elf = new DataView(memory.buffer, at + 4, size);
  expect(elf.getUint32(0, false)).toBe(0x7f454c46);
  const wide = elfClass === 64;
  const word = (offset: number) =>
    wide ? Number(elf.getBigUint64(offset, true)) : elf.getUint32(offset, true);
  const shoff = word(wide ? 40 : 32);
  expect(elf.getUint16(wide ? 60 : 48, true)).toBe(3);
  expect(elf.getUint16(wide ? 56 : 44, true)).toBe(0);
  const section = (index: number) => {
    const header = shoff + index * (wide ? 64 : 40);
    const offset = word(header + (wide ? 24 : 16));
    const length = word(header + (wide ? 32 : 20));
    return {
      type: elf.getUint32(header + 4, true),
      link: elf.getUint32(header + (wide ? 40 : 24), true),
      address: at + 4 + offset,
      bytes: memory.slice(at + 4 + offset, at + 4 + offset + length),
      end: offset + length,
    };
  };
  return { size, sections: [section(0), section(1), section(2)] };
}

test("a guest finds its symbols behind its end, aligned in memory", () => {
  const kernel = inspectElf(freebsdClassic);
  const { gpa, memory } = behindKernel(kernel);
  expect(gpa).toBe(0x204004);
  const { size, sections } = readAsGuest(memory, 4, 64);
  const [none, symtab, strtab] = sections;
  expect(none).toMatchObject({ type: 0, end: 0 });
  expect(symtab).toMatchObject({ type: 2, link: 2, bytes: new Uint8Array(48).fill(7) });
  expect(strtab).toMatchObject({ type: 3, bytes: text("\0main"), end: size });
  expect([symtab?.address, strtab?.address].map((address) => ((address ?? 1) + gpa) % 8)).toEqual([0, 0]);
  // Xen: 8 + round(260, 8) + 48 + round(6, 8) bytes from the unaligned end.
  expect(memory.length).toBe(4 + 264 + 48 + 8);
});

test("ELF32 tables are aligned to 4", () => {
  const symbols = {
    ...freebsdClassic,
    class: 32,
    segments: [{ paddr: 0x100000, bytes: new Uint8Array(0x1002) }],
  };
  const { bsdSymtab } = inspectElf(symbols as TestElf);
  expect(bsdSymtab).toMatchObject({ padding: 2, size: 4 + 52 + 3 * 40 + 48 + 8 });
  const parts = bsdSymtab?.parts ?? [];
  const memory = new Uint8Array(bsdSymtab?.size ?? 0);
  for (const { offset, bytes } of parts) memory.set(bytes, offset);
  expect(readAsGuest(memory, 0, 32).sections[2]?.bytes).toEqual(text("\0main"));
});

test("a stripped kernel is started without symbols, with a warning", () => {
  const kernel = inspectElf({ ...freebsdClassic, sections: [] });
  expect(kernel.bsdSymtab).toBeUndefined();
  expect(kernel.classic.state).toBe("supported");
  expect(kernel.warnings[0]).toMatch(/asks for its symbol table/);
});

test("symbols are left out when the kernel does not ask for them", () => {
  const notes = (freebsdClassic.notes ?? []).filter(({ type }) => type !== 11);
  expect(inspectElf({ ...freebsdClassic, notes }).bsdSymtab).toBeUndefined();
});

test("a symbol table beyond the end of the file is refused", () => {
  const sections = (freebsdClassic.sections ?? []).map((section, i) =>
    i === 0 ? { ...section, header: { ...section.header, sh_size: 1 << 30 } } : section,
  );
  expect(() => inspectElf({ ...freebsdClassic, sections })).toThrow(
    expect.objectContaining({
      code: "KERNEL_TRUNCATED",
      details: expect.objectContaining({ field: "shdr[1].sh_size" }),
    }),
  );
});

test("regions of a kernel are views of its file", () => {
  const kernel = inspectElf(freebsdClassic);
  if (kernel.classic.state !== "supported") return expect.fail("not supported");
  const [first] = kernelRegions(kernel, kernel.classic.boot);
  expect(first).toMatchObject({ name: "kernel[0]", gpa: 0x200000, size: 0x4004, contents: { kind: "file" } });
  if (first?.contents.kind !== "file") return expect.fail("no file");
  expect(first.contents.bytes.buffer).toBe(kernel.elf.buffer);
  expect(concat([first.contents.bytes])).toEqual(Uint8Array.from({ length: 0x3000 }, (_, i) => i));
});
