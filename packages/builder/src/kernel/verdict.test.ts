import { expect, test } from "vitest";
import { text, xenNotesOf } from "./elf.testing.ts";
import { direct32, freebsdClassic, inspectElf, linuxClassic, miniOsClassic } from "./kernels.testing.ts";
import type { ClassicBoot, Kernel } from "./types.ts";
import { explainVerdict } from "./verdict.ts";

const KERNBASE = 0xffffffff80000000n;

function classicBoot(kernel: Kernel): ClassicBoot {
  if (kernel.classic.state !== "supported") expect.fail(explainVerdict("classic", kernel.classic));
  return kernel.classic.boot;
}

/** The Linux kernel above with other notes; undefined takes one away. */
function linuxWith(changes: Parameters<typeof xenNotesOf>[0], without: number[] = []) {
  const replaced = xenNotesOf(changes);
  const dropped = [...without, ...replaced.map(({ type }) => type)];
  const kept = (linuxClassic.notes ?? []).filter(({ type, owner }) => owner || !dropped.includes(type));
  return inspectElf({ ...linuxClassic, notes: [...kept, ...replaced] });
}

test("Linux 3.14 to 4.10: features from FEATURES and SUPPORTED_FEATURES together", () => {
  const kernel = inspectElf(linuxClassic);
  expect(classicBoot(kernel)).toEqual({
    paddrOffset: 0n,
    start: 0x200000,
    end: 0x204000,
    virtBase: KERNBASE,
    entry: KERNBASE + 0x200100n,
    hypercallPage: 0x201000,
    initP2m: 0x8000000000n,
    modStartPfn: true,
  });
  expect(kernel.direct).toEqual({ state: "absent", missing: ["PHYS32_ENTRY"], problems: [] });
  expect(kernel.xen?.features).toEqual({ supported: 0x91f, required: 0x1 });
  expect(kernel.warnings).toEqual([]);
});

test("FreeBSD 10 and 11: p_paddr is virtual, PADDR_OFFSET leads back; the symbol table belongs to the kernel", () => {
  const kernel = inspectElf(freebsdClassic);
  const boot = classicBoot(kernel);
  expect(boot).toMatchObject({
    paddrOffset: KERNBASE,
    start: 0x200000,
    virtBase: KERNBASE,
    entry: KERNBASE + 0x200200n,
    hypercallPage: 0x202000,
    modStartPfn: false,
  });
  expect(boot.end).toBe(0x204008 + (kernel.bsdSymtab?.size ?? 0));
  expect(boot).not.toHaveProperty("initP2m");
});

test("mini-os: only the section __xen_guest, a page number for HYPERCALL_PAGE, entry 0 from the ELF header", () => {
  const kernel = inspectElf(miniOsClassic);
  expect(kernel.notes).toEqual([]);
  expect(kernel.xen?.source).toBe("__xen_guest");
  expect(classicBoot(kernel)).toEqual({
    paddrOffset: 0n,
    start: 0,
    end: 0x3000,
    virtBase: 0n,
    entry: 0n,
    hypercallPage: 0x2000,
    modStartPfn: false,
  });
});

test("without ELF_PADDR_OFFSET, the section __xen_guest means physical addresses that are virtual ones", () => {
  const guest =
    "VIRT_BASE=0xffffffff80000000,FEATURES=writable_descriptor_tables|hvm_callback_vector|auto_translated_physmap|supervisor_mode_kernel";
  const kernel = inspectElf({
    segments: [{ paddr: KERNBASE + 0x1000n, bytes: new Uint8Array(0x1000) }],
    sections: [{ name: "__xen_guest", type: 1, bytes: text(guest) }],
    header: { e_entry: KERNBASE + 0x1000n },
  });
  expect(classicBoot(kernel)).toMatchObject({ paddrOffset: KERNBASE, start: 0x1000, end: 0x2000 });
});

test("a direct kernel of 32 bits", () => {
  const kernel = inspectElf(direct32);
  expect(kernel.direct).toEqual({
    state: "supported",
    boot: { paddrOffset: 0n, start: 0x100000, end: 0x103000, entry: 0x100010 },
    missing: [],
    problems: [],
  });
  expect(kernel.classic.missing).toEqual([
    "writable_descriptor_tables",
    "auto_translated_physmap",
    "supervisor_mode_kernel",
    "hvm_callback_vector",
    "XEN_VERSION",
    "LOADER",
  ]);
  expect(kernel.classic.problems[0]).toMatch(/32-bit ELF file for i386/);
});

test("a kernel that says nothing to Xen lacks everything", () => {
  const kernel = inspectElf({ segments: linuxClassic.segments ?? [] });
  expect(kernel.xen).toBeUndefined();
  expect(kernel.direct).toEqual({ state: "absent", missing: ["PHYS32_ENTRY"], problems: [] });
  expect(kernel.classic.state).toBe("absent");
  expect(explainVerdict("direct", kernel.direct)).toBe(
    "The kernel cannot be started as direct PVH. It lacks PHYS32_ENTRY. Linux has PHYS32_ENTRY since 4.11 when built with CONFIG_XEN_PVH=y, and since 5.0 with CONFIG_PVH=y, which needs no other Xen option; FreeBSD has it since 12.0.",
  );
});

test.each([
  ["FEATURES", "!writable_page_tables|pae_pgdir_above_4gb", "writable_descriptor_tables"],
  ["SUPPORTED_FEATURES", Uint8Array.of(0x0d, 0x08, 0, 0), "hvm_callback_vector"],
] as const)("classic names the feature that %s %s leaves out", (note, value, feature) => {
  const { classic } = linuxWith({ [note]: value });
  expect(classic).toEqual({ state: "absent", missing: [feature], problems: [] });
});

test.each([
  [/XEN_VERSION is "xen-2.0"; right would be "xen-3.0"/, { XEN_VERSION: "xen-2.0" }],
  [/LOADER is "special"; right would be "generic"/, { LOADER: "special", GUEST_OS: "plan9" }],
  [/ENTRY is 0xffffffff80300000, outside the kernel/, { ENTRY: KERNBASE + 0x300000n }],
  [/ENTRY is 0xffffffff80000000, outside the kernel/, { ENTRY: KERNBASE }],
  [/HYPERCALL_PAGE is .* page inside the kernel/, { HYPERCALL_PAGE: KERNBASE + 0x201008n }],
  [/HYPERCALL_PAGE is .* page inside the kernel/, { HYPERCALL_PAGE: KERNBASE + 0x204000n }],
  [/0x200000 minus PADDR_OFFSET 0x300000/, { PADDR_OFFSET: 0x300000 }],
  [/INIT_P2M is .* inside the kernel/, { INIT_P2M: KERNBASE + 0x201000n }],
  [/VIRT_BASE is 0xffffffff80000001; it must be page aligned/, { VIRT_BASE: KERNBASE + 1n }],
  [/beyond 64 bits/, { VIRT_BASE: 0xffffffffffff0000n }],
  [/descriptor of ENTRY .* has 3 bytes; a number has 1, 2, 4 or 8/, { ENTRY: Uint8Array.of(1, 2, 3) }],
  [/only as Xen's control domain/, { FEATURES: "!dom0" }],
  [/descriptor of SUPPORTED_FEATURES .* has 3 bytes/, { SUPPORTED_FEATURES: Uint8Array.of(1, 2, 3) }],
])("classic is refused: %s", (problem, changes) => {
  const { classic } = linuxWith(changes);
  expect(classic.state).not.toBe("supported");
  expect(classic.problems.join("\n")).toMatch(problem);
});

test("PADDR_OFFSET without VIRT_BASE is wrong for classic and does not matter for direct", () => {
  const kernel = linuxWith({ PHYS32_ENTRY: 0x200000, PADDR_OFFSET: 0 }, [3]);
  expect(kernel.classic.state).toBe("invalid");
  expect(kernel.classic.problems[0]).toMatch(/PADDR_OFFSET is 0x0, but the kernel has no VIRT_BASE/);
  expect(kernel.direct.state).toBe("supported");
});

test("ENTRY defaults to the ELF header's, GUEST_OS linux stands in for LOADER", () => {
  const kernel = linuxWith({ PADDR_OFFSET: 0 }, [1, 8]);
  expect(kernel.classic).toMatchObject({ state: "invalid", missing: [] });
  expect(kernel.classic.problems).toEqual([
    "The entry of the ELF header is 0x0, outside the kernel at 0xffffffff80200000 to 0xffffffff80204000.",
  ]);
});

test("INIT_P2M counts only when it is page aligned and below VIRT_BASE", () => {
  expect(classicBoot(linuxWith({ INIT_P2M: 0x8000000800 }))).not.toHaveProperty("initP2m");
  expect(classicBoot(linuxWith({ INIT_P2M: 0xffffffffc0000000n }))).not.toHaveProperty("initP2m");
  expect(classicBoot(linuxWith({ INIT_P2M: 0x7000000000 })).initP2m).toBe(0x7000000000n);
});

test.each([
  [/PHYS32_ENTRY is 0x1ff000, outside the kernel at 0x200000 to 0x204000/, { PHYS32_ENTRY: 0x1ff000 }],
  [/PHYS32_ENTRY is 0x204001, outside the kernel at 0x200000 to 0x204000/, { PHYS32_ENTRY: 0x204001 }],
  [/PHYS32_ENTRY is 0x100200000; an entry in 32-bit mode is below/, { PHYS32_ENTRY: 0x100200000 }],
  [/descriptor of PHYS32_ENTRY .* has 3 bytes/, { PHYS32_ENTRY: Uint8Array.of(1, 2, 3) }],
  [/only as Xen's control domain/, { PHYS32_ENTRY: 0x200000, FEATURES: "!dom0" }],
])("direct is invalid, not absent: %s", (problem, changes) => {
  const { direct } = linuxWith(changes);
  expect(direct).toMatchObject({ state: "invalid", missing: [] });
  expect(direct.problems.join("\n")).toMatch(problem);
});

test("direct takes p_paddr as it is: a kernel linked at virtual addresses cannot be placed", () => {
  const notes = xenNotesOf({ PHYS32_ENTRY: 0x200000, PADDR_OFFSET: KERNBASE, VIRT_BASE: KERNBASE });
  const { direct } = inspectElf({ ...freebsdClassic, notes });
  expect(direct.state).toBe("invalid");
  expect(direct.problems[0]).toMatch(/x86 has 52 bits/);
});
