import { hvmMemmapTableEntry, hvmModlistEntry, hvmStartInfo } from "@pvh/abi";
import { describe, expect, test } from "vitest";
import { makeKernel, pattern, renderImage } from "../image/image.testing.ts";
import type { DomainImage } from "../image/image.ts";
import { type DirectPlanInput, planDirect } from "./plan.ts";

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const ramdisk = pattern(70_001, 2);

interface Guest {
  guestOs?: string;
  features?: number;
}

function plan(
  input: Partial<DirectPlanInput> = {},
  paddr = 0x1000000,
  size = MIB + 5,
  { guestOs, features = 0 }: Guest = {},
): DomainImage {
  const kernel = makeKernel({
    segments: [{ paddr, bytes: pattern(size, 1), memsz: size + 0x4000 }],
    direct: { entry: paddr + 0x10 },
  });
  if (kernel.direct.state !== "supported" || kernel.xen === undefined) return expect.fail();
  if (guestOs !== undefined) kernel.xen.guestOs = guestOs;
  kernel.xen.features.supported = features;
  return planDirect({
    kernel,
    boot: kernel.direct.boot,
    platform: "xen",
    ramdisk,
    memory: 64 * MIB,
    vcpus: 1,
    maxVcpus: 1,
    maxMemory: input.memory ?? 64 * MIB,
    commandLine: "console=ttyS0",
    acpiMemoryType: "acpi",
    ...input,
  });
}

/** Only low memory: ACPI and the special pages of the xen platform are far above. */
function decode(image: DomainImage) {
  const memory = renderImage(image, image.memory);
  const info = hvmStartInfo.decode(memory, Number(image.vcpu.registers.rbx));
  const end = memory.indexOf(0, Number(info.cmdline_paddr));
  const commandLine = new TextDecoder().decode(memory.subarray(Number(info.cmdline_paddr), end));
  const modules = Array.from({ length: info.nr_modules }, (_, i) =>
    hvmModlistEntry.decode(memory, Number(info.modlist_paddr) + 32 * i),
  );
  const memmap = Array.from({ length: info.memmap_entries }, (_, i) => {
    const { addr, size, type } = hvmMemmapTableEntry.decode(memory, Number(info.memmap_paddr) + 24 * i);
    return [addr, size, type];
  });
  return { memory, info, commandLine, modules, memmap };
}

test("hvm_start_info version 1 leads to command line, ramdisk and memory map", () => {
  const { memory, info, commandLine, modules, memmap } = decode(plan());
  expect(info).toMatchObject({
    magic: 0x336ec578,
    version: 1,
    flags: 0,
    nr_modules: 1,
    rsdp_paddr: 0xfc002000n,
  });
  expect(commandLine).toBe("console=ttyS0");
  expect(modules).toEqual([{ paddr: 0x1105000n, size: 70_001n, cmdline_paddr: 0n, reserved: 0n }]);
  expect(memory.subarray(0x1105000, 0x1105000 + ramdisk.length)).toEqual(ramdisk);
  expect(memmap).toEqual([
    [0n, 64n * 0x100000n, 1],
    [0xfeff8000n, 0x8000n, 2],
    [0xfc002000n, 64n, 3],
    [0xfc000000n, 0x1000n, 3],
    [0xfc001000n, 0x1000n, 3],
  ]);
});

test("without ramdisk and command line there are no modules and no pointers", () => {
  const { info } = decode(plan({ ramdisk: new Uint8Array(0), commandLine: "" }));
  expect(info).toMatchObject({ nr_modules: 0, modlist_paddr: 0n, cmdline_paddr: 0n });
  expect(info.memmap_entries).toBe(5);
});

test("the entry state is 32-bit protected mode as libxc loads it", () => {
  const { vcpu, pages } = plan();
  const { rip, rbx, rflags, ...others } = vcpu.registers;
  expect([rip, rbx, rflags]).toEqual([0x1000010n, BigInt(pages.startInfo), 2n]);
  expect(new Set(Object.values(others))).toEqual(new Set([0n]));
  expect([vcpu.cr0, vcpu.cr3, vcpu.cr4, vcpu.efer]).toEqual([0x11n, 0n, 0n, 0n]);
  expect([vcpu.dr6, vcpu.dr7]).toEqual([0xffff0ff0n, 0x400n]);
  const data = { selector: 0, base: 0n, limit: 0xffffffff, attributes: 0xc93 };
  const unusable = { selector: 0, base: 0n, limit: 0, attributes: 0 };
  expect(vcpu.segments).toEqual({
    cs: { ...data, attributes: 0xc9b },
    ds: data,
    es: data,
    ss: data,
    fs: unusable,
    gs: unusable,
    tr: { selector: 0, base: 0n, limit: 0x67, attributes: 0x8b },
    ldtr: unusable,
  });
});

test("memory beyond 0xfc000000 continues at 4 GiB, and xen's special pages lie between", () => {
  const image = plan({ memory: 5 * GIB });
  const high = { gpa: 4 * GIB, size: 5 * GIB - 0xfc000000 };
  expect(image.ram).toEqual([
    { gpa: 0, size: 0xfc000000 },
    { gpa: 0xfc000000, size: 0x3000 },
    { gpa: 0xfeff8000, size: 0x8000 },
    high,
  ]);
  expect(image.memoryMap).toEqual([
    { gpa: 0, size: 0xfc000000, type: "ram" },
    { gpa: 0xfeff8000, size: 0x8000, type: "reserved" },
    { gpa: 0xfc002000, size: 64, type: "acpi" },
    { gpa: 0xfc000000, size: 0x1000, type: "acpi" },
    { gpa: 0xfc001000, size: 0x1000, type: "acpi" },
    { ...high, type: "ram" },
  ]);
  expect(image.pages).toMatchObject({ xenstore: 0xfeffc000, console: 0xfefff000 });
});

test("from Xen 4.21 on the pages of ACPI are NVS, in both copies of the map", () => {
  const image = plan({ acpiMemoryType: "nvs" });
  expect(image.memoryMap.map(({ type }) => type)).toEqual(["ram", "reserved", "nvs", "nvs", "nvs"]);
  expect(decode(image).memmap.map(([, , type]) => type)).toEqual([1, 2, 4, 4, 4]);
});

describe("the RSDP of the xen platform", () => {
  const rsdpOf = (image: DomainImage) =>
    image.regions.find(({ name }) => name === "acpi_rsdp")?.gpa ?? expect.fail();

  test("an older Linux finds it below 1 MiB, in a page that overlaps the entry of RAM", () => {
    const image = plan({}, undefined, undefined, { guestOs: "linux" });
    expect(rsdpOf(image)).toBe(0xfffc0);
    expect(decode(image).info.rsdp_paddr).toBe(0xfffc0n);
    expect(image.memoryMap).toEqual([
      { gpa: 0, size: 64 * MIB, type: "ram" },
      { gpa: 0xfeff8000, size: 0x8000, type: "reserved" },
      { gpa: 0xff000, size: 0x1000, type: "acpi" },
      { gpa: 0xfc000000, size: 0x1000, type: "acpi" },
      { gpa: 0xfc001000, size: 0x1000, type: "acpi" },
    ]);
    expect(image.ram[1]).toEqual({ gpa: 0xfc000000, size: 0x2000 });
  });

  test.each<Guest>([
    { guestOs: "linux", features: 1 << 15 },
    { guestOs: "Linux" },
    { guestOs: "linuxoid" },
    { features: 1 << 15 },
  ])("others have it behind the tables: %o", (guest) => {
    expect(rsdpOf(plan({}, undefined, undefined, guest))).toBe(0xfc002000);
  });

  test("a kernel that wants the page below 1 MiB keeps it", () => {
    expect(rsdpOf(plan({}, 0x10000, undefined, { guestOs: "linux" }))).toBe(0xfc002000);
  });

  test("ramdisk and start_info go around the page below 1 MiB", () => {
    const image = plan({ ramdisk: pattern(0xe0000, 1) }, 0x10000, 0x1000, { guestOs: "linux" });
    const at = (name: string) => image.regions.find((region) => region.name === name)?.gpa;
    expect([at("ramdisk"), at("acpi_rsdp")]).toEqual([0x15000, 0xfffc0]);
    const larger = plan({ ramdisk: pattern(0xeb000, 1) }, 0x10000, 0x1000, { guestOs: "linux" });
    expect(larger.regions.find(({ name }) => name === "ramdisk")?.gpa).toBe(0x100000);
  });

  test("the tables of 128 vCPUs take more pages, and RAM is there for them", () => {
    const image = plan({ vcpus: 3, maxVcpus: 128 });
    const tables = image.regions.find(({ name }) => name === "acpi") ?? expect.fail();
    expect(tables.size).toBeGreaterThan(0x1000);
    expect(tables.size).toBeLessThanOrEqual(16 * 0x1000);
    expect(rsdpOf(image)).toBe(tables.gpa + tables.size);
    expect(image.ram[1]).toEqual({ gpa: 0xfc000000, size: tables.size + 0x2000 });
  });
});

test("on bare the memory map has the ACPI tables between two RAM ranges, and nothing of xen's", () => {
  const image = plan({ platform: "bare", memory: 5 * GIB });
  expect(image.memoryMap).toEqual([
    { gpa: 0, size: 0xe0000, type: "ram" },
    { gpa: 0xe0000, size: 0x20000, type: "acpi" },
    { gpa: 0x100000, size: 0xfc000000 - 0x100000, type: "ram" },
    { gpa: 4 * GIB, size: 5 * GIB - 0xfc000000, type: "ram" },
  ]);
  expect(image.ram.map(({ gpa }) => gpa)).toEqual([0, 4 * GIB]);
  expect(image.pages).toEqual({ startInfo: image.pages.startInfo });
  const { memory, info } = decode(plan({ platform: "bare" }));
  const signature = memory.subarray(Number(info.rsdp_paddr), Number(info.rsdp_paddr) + 8);
  expect(new TextDecoder().decode(signature)).toBe("RSD PTR ");
  expect(Number(info.rsdp_paddr) % 16).toBe(0);
});

test("a kernel in the firmware area of the bare platform is refused by name", () => {
  expect(() => plan({ platform: "bare" }, 0x10000)).toThrow(
    expect.objectContaining({
      code: "LAYOUT_MEMORY",
      message: "acpi (0xe0000..0x100000) overlaps kernel[0] (0x10000..0x114005).",
    }),
  );
  expect(() => plan({ platform: "xen" }, 0x10000)).not.toThrow();
});

test("ramdisk and start_info of a small low kernel go around the firmware area", () => {
  const image = plan({ platform: "bare", ramdisk: pattern(0xd0000, 1) }, 0x10000, 0x1000);
  const at = (name: string) => image.regions.find((region) => region.name === name)?.gpa;
  expect([at("ramdisk"), at("start_info")]).toEqual([0x100000, 0x1d0000]);
});

test.each(["xen", "bare"] as const)(
  "too little memory is refused with the least that would do: %s",
  (platform) => {
    expect(() => plan({ platform, memory: 17 * MIB })).toThrow(
      expect.objectContaining({
        code: "LAYOUT_MEMORY",
        message: expect.stringMatching(
          /^memory = 17 MiB is too small: kernel from 16.0 MiB to 17.0 MiB, ramdisk 68.4 KiB.*: the boot image ends at 17.1 MiB; the least that would do is memory = 18.$/,
        ),
      }),
    );
    expect(() => plan({ platform, memory: 18 * MIB })).not.toThrow();
  },
);

test("a kernel above the memory below 4 GiB cannot be helped by more memory", () => {
  expect(() => plan({ memory: 16 * GIB }, 0xfbf00000)).toThrow(
    /memory below 4 GiB ends at 4032.0 MiB, whatever memory is set to/,
  );
});
