import { PvhError } from "@pvh/errors";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { makeKernel, renderImage, walk } from "./image/image.testing.ts";
import type { DomainImage } from "./image/image.ts";
import { imageToJson } from "./image/json.ts";
import { planDomain } from "./plan.ts";

const MIB = 1024 * 1024;

const guests = fc.record({
  bootInterface: fc.constantFrom("classic" as const, "direct" as const),
  platform: fc.constantFrom("xen" as const, "bare" as const),
  classicLayout: fc.constantFrom("libxc" as const, "reserved-shared-info" as const),
  virtBase: fc.constantFrom(0n, 0xffffffff80000000n, 0x7fff3000n, 0xffff80007ffff000n),
  start: fc.integer({ min: 0, max: 20 * MIB }),
  sizes: fc.array(fc.integer({ min: 1, max: 3 * MIB }), { minLength: 1, maxLength: 4 }),
  gap: fc.integer({ min: 0, max: 70_000 }),
  ramdisk: fc.option(fc.integer({ min: 0, max: 3 * MIB }), { nil: undefined }),
  linux: fc.boolean(),
  hypervisor: fc.option(
    fc.record({ acpiMemoryType: fc.constantFrom("acpi" as const, "nvs" as const), smpShims: fc.boolean() }),
    { nil: undefined },
  ),
  memory: fc.oneof(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 9000 })),
  cmdline: fc.string({ maxLength: 300 }).filter((text) => !text.includes("\0")),
});

type Guest = typeof guests extends fc.Arbitrary<infer G> ? G : never;

function plan(guest: Guest): DomainImage {
  let paddr = guest.start;
  const segments = guest.sizes.map((size) => {
    const segment = { paddr, bytes: new Uint8Array(size >> 1), memsz: size };
    paddr += size + guest.gap;
    return segment;
  });
  const kernel = makeKernel({
    segments,
    direct: { entry: guest.start },
    classic: { virtBase: guest.virtBase },
  });
  if (guest.linux && kernel.xen !== undefined) kernel.xen.guestOs = "linux";
  return planDomain({
    config: { memory: guest.memory, vcpus: 1, cmdline: guest.cmdline, pvh_abi: guest.bootInterface },
    kernel,
    ramdisk: guest.ramdisk === undefined ? undefined : new Uint8Array(guest.ramdisk),
    platform: guest.bootInterface === "classic" ? "xen" : guest.platform,
    hypercallTrap: { kind: "vmcall" },
    classicLayout: guest.classicLayout,
    ...(guest.hypervisor === undefined ? {} : { hypervisor: guest.hypervisor }),
  });
}

test("regions never overlap and lie in RAM, tables map exactly the range; or the error names memory that does", () => {
  fc.assert(
    fc.property(guests, (guest) => {
      let image: DomainImage;
      try {
        image = plan(guest);
      } catch (error) {
        if (!(error instanceof PvhError) || error.code !== "LAYOUT_MEMORY") throw error;
        const least = /memory = (\d+)\.$/.exec(error.message)?.[1];
        if (least === undefined) return;
        expect(Number(least)).toBeGreaterThan(guest.memory);
        expect(() => plan({ ...guest, memory: Number(least) })).not.toThrow(/too small/);
        expect(() => plan({ ...guest, memory: Number(least) - 1 })).toThrow(/too small/);
        return;
      }
      const occupied = image.regions.filter(({ size }) => size > 0).sort((a, b) => a.gpa - b.gpa);
      occupied.forEach(({ gpa, size }, i) => {
        expect(gpa + size).toBeLessThanOrEqual(occupied[i + 1]?.gpa ?? Number.POSITIVE_INFINITY);
        expect(image.ram.some((ram) => ram.gpa <= gpa && gpa + size <= ram.gpa + ram.size)).toBe(true);
      });
      const backed = image.ram.reduce((sum, { size }) => sum + size, 0);
      // Special pages; ACPI's information page and tables; the RSDP behind them, unless it is in low RAM.
      const rsdp = image.regions.find(({ name }) => name === "acpi_rsdp");
      const beyond = rsdp === undefined ? 0 : 0x8000 + (rsdp.gpa < 0x100000 ? 0x2000 : 0x3000);
      expect(rsdp !== undefined).toBe(image.bootInterface === "direct" && image.platform === "xen");
      expect(backed).toBe(guest.memory * MIB + beyond);
      image.ram.forEach(({ gpa, size }, i) => {
        expect([gpa % 4096, size % 4096]).toEqual([0, 0]);
        expect(gpa + size).toBeLessThanOrEqual(image.ram[i + 1]?.gpa ?? Number.POSITIVE_INFINITY);
      });
      expect(() => JSON.stringify(imageToJson(image))).not.toThrow();
      if (image.mapping !== undefined) checkMapping(image, image.mapping);
    }),
    { numRuns: 150 },
  );
});

function checkMapping(image: DomainImage, { virtBase, virtEnd }: { virtBase: bigint; virtEnd: bigint }) {
  const memory = renderImage(image);
  const at = (virtual: bigint) => walk(memory, image.vcpu.cr3, BigInt.asUintN(64, virtual))?.gpa;
  for (let virtual = virtBase; virtual < virtEnd; virtual += 4096n * 61n) {
    expect(at(virtual)).toBe(Number(virtual - virtBase));
  }
  expect(at(virtEnd - 1n)).toBe(Number(virtEnd - virtBase - 1n));
  expect(at(virtEnd)).toBeUndefined();
  if (virtBase > 0n) expect(at(virtBase - 1n)).toBeUndefined();
  expect(virtEnd % 0x400000n).toBe(0n);
}
