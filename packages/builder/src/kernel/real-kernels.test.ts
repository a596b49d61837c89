import { expect, test } from "vitest";
import { inspectKernel } from "./inspect.ts";
import { debianKernel, grubKernel } from "./kernels.testing.ts";
import { kernelReport } from "./report.ts";
import { unpackKernel } from "./unpack.ts";

function report(file: Uint8Array) {
  return kernelReport(inspectKernel(unpackKernel(file)));
}

test.for([
  { flavour: "amd64", compression: "xz" },
  { flavour: "cloud", compression: "lz4" },
] as const)(
  "Debian's $flavour kernel ($compression) is direct; what it lacks for classic is named",
  ({ flavour, compression }, context) => {
    const file = debianKernel(flavour);
    if (typeof file === "string") return context.skip(file);
    const found = report(file);
    expect(found).toMatchObject({ format: "bzImage", compression, source: "notes", warnings: [] });
    expect(found.elf).toMatchObject({ class: 64, machine: "x86-64", entry: "0x1000000", start: "0x1000000" });
    const xen = found.notes.filter(({ owner }) => owner === "Xen");
    const values = Object.fromEntries(xen.map(({ name, value }) => [name, value]));
    expect(values).toMatchObject({
      GUEST_OS: "linux",
      XEN_VERSION: "xen-3.0",
      VIRT_BASE: "0xffffffff80000000",
      FEATURES: "!writable_page_tables|pae_pgdir_above_4gb",
      SUPPORTED_FEATURES: "0x8801",
      L1_MFN_VALID: "0x1,0x1",
      SUSPEND_CANCEL: "0x1",
    });
    expect(found.notes.map(({ name }) => name)).toContain("BUILD_ID");
    expect(found.abis.direct).toEqual({
      supported: true,
      state: "supported",
      entry: values.PHYS32_ENTRY,
      missing: [],
      problems: [],
    });
    expect(found.abis.classic).toMatchObject({
      supported: false,
      state: "absent",
      entry: null,
      missing: [
        "writable_descriptor_tables",
        "auto_translated_physmap",
        "supervisor_mode_kernel",
        "hvm_callback_vector",
      ],
      help: expect.stringMatching(/Linux 3\.14 to 4\.10/),
    });
    expect(found.features).toEqual({
      supported: ["writable_page_tables", "pae_pgdir_above_4gb", "dom0", "linux_rsdp_unrestricted"],
      required: ["writable_page_tables"],
    });
    expect(JSON.parse(JSON.stringify(found))).toEqual(found);
  },
);

test("GRUB for PVH: one note, 32 bits", (context) => {
  const file = grubKernel("i386-xen_pvh");
  if (typeof file === "string") return context.skip(file);
  const found = report(file);
  expect(found.elf).toMatchObject({ class: 32, machine: "i386", start: "0x100000" });
  expect(found.notes).toMatchObject([{ owner: "Xen", type: 18, name: "PHYS32_ENTRY", value: "0x100000" }]);
  expect(found.abis.direct).toMatchObject({ supported: true, entry: "0x100000" });
  expect(found.abis.classic).toMatchObject({ supported: false, missing: expect.arrayContaining(["LOADER"]) });
});

test("GRUB for 64-bit PV has Xen notes and no PVH interface", (context) => {
  const file = grubKernel("x86_64-xen");
  if (typeof file === "string") return context.skip(file);
  const found = report(file);
  expect(found.warnings).toEqual([]);
  expect(found.notes.map(({ name }) => name)).toEqual([
    "GUEST_OS",
    "LOADER",
    "XEN_VERSION",
    "ENTRY",
    "VIRT_BASE",
  ]);
  expect(found.abis.direct).toMatchObject({ supported: false, missing: ["PHYS32_ENTRY"] });
  expect(found.abis.classic).toMatchObject({ supported: false, problems: [] });
  expect(found.abis.classic.missing).toHaveLength(4);
});

test("GRUB for 32-bit PV: its last note says 12 bytes and has 4", (context) => {
  const file = grubKernel("i386-xen");
  if (typeof file === "string") return context.skip(file);
  const found = report(file);
  expect(found.notes.at(-1)).toMatchObject({ name: "PAE_MODE", value: "yes" });
  expect(found.warnings).toEqual([expect.stringMatching(/has a descriptor of 12 bytes where 4 are left/)]);
  expect(found.abis.direct.state).toBe("absent");
});
