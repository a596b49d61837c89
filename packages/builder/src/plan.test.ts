import { describe, expect, test } from "vitest";
import type { XenHypervisor } from "./hypervisor.ts";
import { describeImage } from "./image/describe.ts";
import { makeKernel, pattern } from "./image/image.testing.ts";
import type { DomainImage } from "./image/image.ts";
import type { Kernel } from "./kernel/types.ts";
import { chooseBootInterface, choosePlatform, planDomain } from "./plan.ts";

const segments = [{ paddr: 0x1000000, bytes: pattern(0x4000, 1) }];
const direct = { entry: 0x1000000 };
const classic = { virtBase: 0xffffffff80000000n };
const invalid = { state: "invalid", missing: [], problems: ["ENTRY is 0x0."] } as const;

const both = makeKernel({ segments, direct, classic });
const onlyClassic = makeKernel({ segments, classic });
const onlyDirect = makeKernel({ segments, direct });
const neither = makeKernel({ segments });
const named = makeKernel({ segments, direct, guestOs: "linux" });
const withPage = makeKernel({ segments, direct, hypercallPage: 0xffffffff81001000n });
const badDirect: Kernel = {
  ...onlyClassic,
  direct: { ...invalid, missing: [], problems: [...invalid.problems] },
};

test("direct is preferred, pvh_abi decides, classic is what is left", () => {
  expect(chooseBootInterface({}, both)).toBe("direct");
  expect(chooseBootInterface({ pvh_abi: "classic" }, both)).toBe("classic");
  expect(chooseBootInterface({}, onlyClassic)).toBe("classic");
});

test("a kernel that supports neither is refused with what it lacks for both", () => {
  expect(() => chooseBootInterface({}, neither)).toThrow(
    expect.objectContaining({
      code: "KERNEL_NOT_PVH",
      message:
        "The kernel cannot be started as direct PVH. It lacks a note. The kernel cannot be started as classic PVH. It lacks a note.",
      details: expect.objectContaining({ found: "direct lacks a note; classic lacks a note" }),
    }),
  );
});

test("a forced interface that the kernel lacks is refused, and the one that would work is named", () => {
  expect(() => chooseBootInterface({ pvh_abi: "classic" }, onlyDirect)).toThrow(
    'The kernel cannot be started as classic PVH. It lacks a note. pvh_abi = "direct" would work.',
  );
  expect(() => chooseBootInterface({ pvh_abi: "direct" }, onlyClassic)).toThrow(
    'pvh_abi = "classic" would work.',
  );
});

test("a damaged direct entry is told, not hidden by starting the kernel as classic", () => {
  expect(() => chooseBootInterface({}, badDirect)).toThrow(
    'The kernel cannot be started as direct PVH. ENTRY is 0x0. pvh_abi = "classic" would work.',
  );
  expect(chooseBootInterface({ pvh_abi: "classic" }, badDirect)).toBe("classic");
});

test.each([
  ["auto", onlyClassic, "classic", false, "xen"],
  ["auto", onlyDirect, "direct", true, "bare"],
  ["auto", named, "direct", true, "xen"],
  ["auto", named, "direct", false, "bare"],
  ["auto", withPage, "direct", false, "xen"],
  ["bare", withPage, "direct", true, "bare"],
  ["xen", onlyDirect, "direct", false, "xen"],
] as const)(
  "platform %s for %o, %s, vmcall trapped: %s -> %s",
  (platform, kernel, boot, trapsVmcall, expected) => {
    expect(choosePlatform({ platform }, kernel, boot, { trapsVmcall })).toBe(expected);
  },
);

test("a classic guest cannot be on bare hardware", () => {
  expect(() => choosePlatform({ platform: "bare" }, onlyClassic, "classic", { trapsVmcall: true })).toThrow(
    expect.objectContaining({ code: "CONFIG_INVALID" }),
  );
  const config = { memory: 64, vcpus: 1 };
  const plan = { config, kernel: onlyClassic, hypercallTrap: { kind: "vmcall" } } as const;
  expect(() => planDomain({ ...plan, platform: "bare" })).toThrow('platform is "bare"');
  expect(() => planDomain({ ...plan, platform: "xen" })).not.toThrow();
});

test("a plan follows config and choice, and copies nothing", () => {
  const ramdisk = pattern(5000, 2);
  const common = {
    config: { memory: 64, vcpus: 1, root: "/dev/xvda", extra: "ro" },
    ramdisk,
    platform: "xen",
  } as const;
  const image = planDomain({ ...common, kernel: both, hypercallTrap: { kind: "vmcall" } });
  expect(image).toMatchObject({ bootInterface: "direct", platform: "xen", memory: 64 * 1024 * 1024 });
  const contents = (name: string) => image.regions.find((region) => region.name === name)?.contents;
  expect(contents("kernel[0]")).toMatchObject({ bytes: { buffer: both.elf.buffer } });
  expect(contents("ramdisk")).toEqual({ kind: "file", bytes: ramdisk });
  expect(contents("cmdline")).toEqual({
    kind: "bytes",
    bytes: new TextEncoder().encode("root=/dev/xvda ro\0"),
  });
  const old = planDomain({
    ...common,
    kernel: onlyClassic,
    hypercallTrap: { kind: "vmcall" },
    classicLayout: "libxc",
  });
  expect(old.bootInterface).toBe("classic");
  expect(old.pages.startInfo % 4096).toBe(0);
});

test("what a real Xen wants is there when it is named, and not otherwise", () => {
  const xen: XenHypervisor = { acpiMemoryType: "nvs", smpShims: true };
  const kernel = makeKernel({
    segments,
    direct,
    classic: { ...classic, hypercallPage: 0x1001000 },
  });
  const plan = (pvh_abi: "classic" | "direct", hypervisor?: XenHypervisor) =>
    planDomain({
      config: { memory: 4096, vcpus: 2, pvh_abi },
      kernel,
      platform: "xen",
      hypercallTrap: { kind: "vmmcall" },
      ...(hypervisor === undefined ? {} : { hypervisor }),
    });
  const shims = (image: DomainImage) =>
    image.regions.flatMap(({ contents }) => (contents.kind === "hypercall-page" ? [contents.smpShims] : []));
  const types = (image: DomainImage) => [...new Set(image.memoryMap.map(({ type }) => type))];
  expect([plan("classic").ram.length, plan("classic", xen).ram.length]).toEqual([1, 2]);
  expect([shims(plan("classic")), shims(plan("classic", xen))]).toEqual([[false], [true]]);
  expect(shims(plan("classic", { ...xen, smpShims: false }))).toEqual([false]);
  expect(types(plan("direct"))).toEqual(["ram", "reserved", "acpi"]);
  expect(types(plan("direct", xen))).toEqual(["ram", "reserved", "nvs"]);
  expect(describeImage(plan("classic", xen))).toContain("hypercall stubs, vmmcall, SMP shims\n");
  expect(describeImage(plan("classic"))).toContain("hypercall stubs, vmmcall\n");
});

test.each(["direct", "classic"] as const)(
  "planning a %s guest copies nothing, however large its files are",
  (pvh_abi) => {
    const kernel = makeKernel({
      segments: [{ paddr: 0x1000000, bytes: new Uint8Array(65_000_000) }],
      direct,
      classic,
    });
    const ramdisk = new Uint8Array(40_000_000);
    const { regions } = planDomain({
      config: { memory: 512, vcpus: 1, pvh_abi },
      kernel,
      ramdisk,
      platform: "xen",
      hypercallTrap: { kind: "vmcall" },
    });
    const contents = regions.map((region) => region.contents);
    const views = contents.flatMap((part) => (part.kind === "file" ? [part.bytes.buffer] : []));
    expect(new Set(views)).toEqual(new Set([kernel.elf.buffer, ramdisk.buffer]));
    const made = contents.reduce((sum, part) => sum + (part.kind === "bytes" ? part.bytes.length : 0), 0);
    expect(made).toBeLessThan(16 * 1024);
  },
);

describe("what only the xen platform can give", () => {
  const kernel = makeKernel({
    segments: [{ paddr: 0x100000, bytes: pattern(0x1000, 1) }],
    direct: { entry: 0x100000 },
  });
  const trap = { kind: "port", port: 0xe4 } as const;

  test.each([
    ["vcpus", { vcpus: 2 }],
    ["maxvcpus", { vcpus: 1, maxvcpus: 2 }],
    ["maxmem", { vcpus: 1, maxmem: 128 }],
    ["disk", { vcpus: 1, disk: [{ vdev: "xvda" }] }],
    ["vif", { vcpus: 1, disk: [], vif: [{}, {}] }],
  ])("%s is refused on the bare platform", (field, more) => {
    const config = { memory: 64, ...more };
    expect(() => planDomain({ config, kernel, platform: "bare", hypercallTrap: trap })).toThrow(
      expect.objectContaining({
        code: "CONFIG_KEY_UNSUPPORTED",
        details: expect.objectContaining({ field }),
      }),
    );
    expect(planDomain({ config, kernel, platform: "xen", hypercallTrap: trap }).platform).toBe("xen");
  });

  test("empty lists of devices are none", () => {
    const config = { memory: 64, vcpus: 1, disk: [], vif: [] };
    expect(planDomain({ config, kernel, platform: "bare", hypercallTrap: trap }).platform).toBe("bare");
  });

  test("the sentence says how many there are and what to do", () => {
    const config = { memory: 64, vcpus: 1, vif: [{}, {}] };
    expect(() => planDomain({ config, kernel, platform: "bare", hypercallTrap: trap })).toThrow(
      "vif has 2 entries, but network interfaces need the xen platform and this guest is on the bare one: leave vif out, or use a kernel that runs on the xen platform.",
    );
  });

  test("memory above the beginning is RAM in the map", () => {
    const config = { memory: 64, maxmem: 128, vcpus: 1 };
    const image = planDomain({ config, kernel, platform: "xen", hypercallTrap: trap });
    expect([image.memory, image.maxMemory, image.ram[0], image.memoryMap[0]]).toEqual([
      64 * 2 ** 20,
      128 * 2 ** 20,
      { gpa: 0, size: 128 * 2 ** 20 },
      { gpa: 0, size: 128 * 2 ** 20, type: "ram" },
    ]);
  });
});
