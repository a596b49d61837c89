import { expect, test } from "vitest";
import { planDomain } from "../plan.ts";
import { describeImage } from "./describe.ts";
import { makeKernel, pattern, renderImage, walk } from "./image.testing.ts";
import { type ImageDescription, imageToJson } from "./json.ts";

const kernel = makeKernel({
  segments: [{ paddr: 0x1000000, bytes: pattern(0x4000, 1), memsz: 0x10000 }],
  direct: { entry: 0x1000000 },
  classic: { virtBase: 0xffffffff80000000n, hypercallPage: 0x1001000 },
});

function plan(pvh_abi: "classic" | "direct", platform: "xen" | "bare") {
  return planDomain({
    config: { memory: 64, vcpus: 1, pvh_abi, cmdline: "quiet" },
    kernel,
    ramdisk: pattern(5000, 1),
    platform,
    hypercallTrap: { kind: "port", port: 0xe0 },
  });
}

test("a program that has only the raw file and the JSON text finds tables, start_info and registers", () => {
  const image = plan("classic", "xen");
  const file = renderImage(image);
  const { vcpu, pages, regions, mapping, file_size }: ImageDescription = JSON.parse(
    JSON.stringify(imageToJson(image)),
  );
  expect(file.length).toBe(Number(file_size));
  const cr3 = BigInt(vcpu.control.cr3);
  expect(walk(file, cr3, BigInt(vcpu.registers.rip ?? 0))?.gpa).toBe(0x1000000);
  expect(walk(file, cr3, BigInt(vcpu.registers.rsi ?? 0))?.gpa).toBe(Number(pages.start_info));
  expect(walk(file, cr3, BigInt(mapping?.virt_end ?? 0) - 1n)?.gpa).toBe(0x13fffff);
  for (const { gpa, virt } of regions) {
    expect(walk(file, cr3, BigInt(virt ?? 0))?.gpa).toBe(Number(gpa));
  }
  const view = new DataView(file.buffer, Number(pages.start_info));
  expect(view.getBigUint64(32, true)).toBe(0x4000n);
  expect(view.getBigUint64(40, true)).toBe(BigInt(pages.shared_info ?? 0));
  expect(vcpu.segments.cs).toEqual({
    selector: "0x0",
    base: "0x0",
    limit: "0xffffffff",
    attributes: "0xa9b",
  });
});

test("direct images have neither a mapping nor virtual addresses", () => {
  const description = imageToJson(plan("direct", "bare"));
  expect(description).toMatchObject({ boot_interface: "direct", platform: "bare" });
  expect(description.mapping).toBeUndefined();
  expect(description.regions.every(({ virt }) => virt === undefined)).toBe(true);
  expect(description.memory_map).toEqual([
    { gpa: "0x0", size: "0xe0000", type: "ram" },
    { gpa: "0xe0000", size: "0x20000", type: "acpi" },
    { gpa: "0x100000", size: "0x3f00000", type: "ram" },
  ]);
});

test("memory that may grow is told beside the memory at boot", () => {
  const image = planDomain({
    config: { memory: 64, maxmem: 100, vcpus: 1, pvh_abi: "classic" },
    kernel,
    platform: "xen",
    hypercallTrap: { kind: "vmcall" },
  });
  expect(imageToJson(image)).toMatchObject({
    memory: "0x4000000",
    max_memory: "0x6400000",
    ram: [{ gpa: "0x0", size: "0x6400000" }],
  });
  expect(describeImage(image).split("\n")[0]).toBe(
    "classic PVH on platform xen, memory 64.0 MiB, at most 100.0 MiB",
  );
  // What start_info says is there from the beginning.
  const at = Number(imageToJson(image).pages.start_info);
  expect(new DataView(renderImage(image).buffer).getBigUint64(at + 32, true)).toBe(0x4000n);
});

test("the description for people shows regions by address, the memory map and the registers", () => {
  const lines = describeImage(plan("classic", "xen")).split("\n");
  expect(lines.slice(0, 16)).toEqual([
    "classic PVH on platform xen, memory 64.0 MiB",
    "initial mapping 0xffffffff80000000..0xffffffff81400000",
    "",
    "  region          guest-physical        bytes   virtual             contents",
    "  kernel[0]       0x1000000..0x1010000  65536   0xffffffff81000000  file, 16384 bytes",
    "  hypercall_page  0x1001000..0x1002000  4096    0xffffffff81001000  hypercall stubs, port 0xe0",
    "  ramdisk         0x1010000..0x1012000  8192    0xffffffff81010000  file, 5000 bytes",
    "  p2m             0x1012000..0x1032000  131072  0xffffffff81012000  identity, 16384 frames",
    "  start_info      0x1032800..0x1032c90  1168    0xffffffff81032800  made, 1168 bytes",
    "  shared_info     0x1033000..0x1034000  4096    0xffffffff81033000  made, 3136 bytes",
    "  xenstore        0x1034000..0x1035000  4096    0xffffffff81034000  zero",
    "  console         0x1035000..0x1036000  4096    0xffffffff81035000  zero",
    "  page_tables     0x1036000..0x1043000  53248   0xffffffff81036000  page tables, 1 L4 + 1 L3 + 1 L2 + 10 L1",
    "  boot_stack      0x1043000..0x1044000  4096    0xffffffff81043000  zero",
    "",
    "memory map",
  ]);
  expect(lines).toContain("  rsi     0xffffffff81032800");
  expect(lines).toContain("  cs      selector 0x0 base 0x0 limit 0xffffffff attributes 0xa9b");
  const direct = describeImage(plan("direct", "xen"));
  expect(direct).toContain("0xfeff8000..0xff000000  32.0 KiB  reserved");
  expect(direct).toContain("fs      unusable");
});
