import { sharedInfo, startInfo } from "@pvh/abi";
import { expect, test } from "vitest";
import { hypercallPage } from "../image/hypercall-page.ts";
import { makeKernel, pattern, renderImage, walk } from "../image/image.testing.ts";
import type { DomainImage, HypercallTrap } from "../image/image.ts";
import { type ClassicPlanInput, planClassic } from "./plan.ts";

const VIRT_BASE = 0xffffffff80000000n;
const MIB = 1024 * 1024;
const kernelBytes = pattern(3 * MIB + 123, 1);
const ramdisk = pattern(70_001, 2);

function plan(input: Partial<ClassicPlanInput> = {}): DomainImage {
  const kernel = makeKernel({
    segments: [
      { paddr: 0x1000000, bytes: kernelBytes, memsz: 4 * MIB },
      { paddr: 0x1600000, bytes: pattern(5000, 3), memsz: 5000 },
    ],
    classic: { virtBase: VIRT_BASE, hypercallPage: 0x1001000, entry: 0xffffffff81600010n },
  });
  if (kernel.classic.state !== "supported") return expect.fail();
  return planClassic({
    kernel,
    boot: kernel.classic.boot,
    ramdisk,
    memory: 64 * MIB,
    maxMemory: input.memory ?? 64 * MIB,
    commandLine: "console=hvc0 quiet",
    hypercallTrap: { kind: "vmcall" },
    smpShims: false,
    memoryHole: false,
    placement: "reserved-shared-info",
    eventChannels: { store: 1, console: 2 },
    ...input,
  });
}

test("every address in start_info leads, through the page tables, to what it names", () => {
  const image = plan();
  const memory = renderImage(image);
  const at = (virtual: bigint, size: number) => {
    const gpa = walk(memory, image.vcpu.cr3, virtual)?.gpa ?? expect.fail(`${virtual} is not mapped`);
    return memory.subarray(gpa, gpa + size);
  };
  const info = startInfo.decode(at(image.vcpu.registers.rsi, startInfo.size));
  expect(info).toMatchObject({
    magic: "xen-3.0-x86_64",
    nr_pages: 16384n,
    flags: 0,
    store_evtchn: 1,
    console_evtchn: 2,
    mod_len: 18n * 4096n,
    cmd_line: "console=hvc0 quiet",
    first_p2m_pfn: 0n,
    nr_p2m_frames: 0n,
  });
  expect(at(info.mod_start, ramdisk.length)).toEqual(ramdisk);
  expect(at(info.mod_start + BigInt(ramdisk.length), 4096 * 18 - ramdisk.length).every((b) => b === 0)).toBe(
    true,
  );
  const frames = new BigUint64Array(at(info.mfn_list, 16384 * 8).slice().buffer);
  expect(frames.every((frame, i) => frame === BigInt(i))).toBe(true);
  expect(walk(memory, image.vcpu.cr3, info.pt_base)?.gpa).toBe(Number(image.vcpu.cr3));
  expect(info.shared_info).toBe(BigInt(image.pages.sharedInfo ?? -1));
  expect([info.store_mfn * 4096n, info.console_mfn * 4096n]).toEqual([
    BigInt(image.pages.xenstore ?? -1),
    BigInt(image.pages.console ?? -1),
  ]);
  expect(at(image.vcpu.registers.rip, 64)).toEqual(pattern(5000, 3).subarray(16, 80));
});

test("the whole mapping is there, from VIRT_BASE on, and ends at a multiple of 4 MiB with slack above the stack", () => {
  const image = plan();
  const memory = renderImage(image);
  const { virtBase = 0n, virtEnd = 0n } = image.mapping ?? {};
  for (let virtual = virtBase; virtual < virtEnd; virtual += 4096n) {
    if (walk(memory, image.vcpu.cr3, virtual)?.gpa !== Number(virtual - virtBase)) {
      expect.fail(virtual.toString(16));
    }
  }
  expect(walk(memory, image.vcpu.cr3, virtEnd)).toBeUndefined();
  expect(walk(memory, image.vcpu.cr3, virtBase - 4096n)).toBeUndefined();
  expect(virtEnd % 0x400000n).toBe(0n);
  expect(virtEnd - image.vcpu.registers.rsp).toBeGreaterThanOrEqual(512n * 1024n);
  const info = startInfo.decode(memory, image.pages.startInfo);
  const stack = image.vcpu.registers.rsp - 4096n;
  expect(info.pt_base + info.nr_pt_frames * 4096n).toBe(stack);
});

test("shared_info has every vCPU's events masked and is zero otherwise", () => {
  const image = plan();
  const page = renderImage(image).slice(image.pages.sharedInfo).subarray(0, 4096);
  const { vcpu_info } = sharedInfo.decode(page);
  expect(vcpu_info.map(({ evtchn_upcall_mask }) => evtchn_upcall_mask)).toEqual(Array(32).fill(1));
  expect(page.filter((byte) => byte !== 0).length).toBe(32);
});

test("the entry state is that of Xen 4.5", () => {
  const { vcpu } = plan();
  const { rip, rsp, rsi, rflags, ...others } = vcpu.registers;
  expect([rip, rflags]).toEqual([0xffffffff81600010n, 2n]);
  expect([rsp % 4096n, rsi % 4096n]).toEqual([0n, 0x800n]);
  expect(new Set(Object.values(others))).toEqual(new Set([0n]));
  expect([vcpu.cr0, vcpu.cr4, vcpu.efer]).toEqual([0x80000011n, 0x20n, 0x500n]);
  const data = { selector: 0, base: 0n, limit: 0xffffffff, attributes: 0xc93 };
  expect(vcpu.segments).toEqual({
    cs: { ...data, attributes: 0xa9b },
    ds: data,
    es: data,
    fs: data,
    gs: data,
    ss: data,
    tr: { selector: 0, base: 0n, limit: 0xff, attributes: 0x8b },
    ldtr: { selector: 0, base: 0n, limit: 0, attributes: 0x82 },
  });
  expect([vcpu.gdt, vcpu.idt]).toEqual([
    { base: 0n, limit: 0 },
    { base: 0n, limit: 0 },
  ]);
  expect([vcpu.pat, vcpu.kernelGsBase]).toEqual([0x0007040600070406n, 0n]);
});

test("the kernel stands where it asks to be, its BSS is zero, its hypercall page is filled", () => {
  const memory = renderImage(plan({ hypercallTrap: { kind: "port", port: 0xe0 } }));
  const standing = memory.subarray(0x1002000, 0x1000000 + kernelBytes.length);
  expect(Buffer.compare(standing, kernelBytes.subarray(0x2000))).toBe(0);
  expect(memory.subarray(0x1000000 + kernelBytes.length, 0x1600000).every((b) => b === 0)).toBe(true);
  expect([...memory.subarray(0x1001000 + 29 * 32, 0x1001000 + 29 * 32 + 9)]).toEqual([
    0xb8, 29, 0, 0, 0, 0xe7, 0xe0, 0xc3, 0xcc,
  ]);
});

test("memory is one RAM range, without a hole below 4 GiB", () => {
  const image = plan({ memory: 5120 * MIB });
  expect(image.ram).toEqual([{ gpa: 0, size: 5120 * MIB }]);
  expect(image.memoryMap).toEqual([{ gpa: 0, size: 5120 * MIB, type: "ram" }]);
});

test.each([
  [4032, 4032, []],
  [4033, 4032, [1]],
  [4096, 4032, [64]],
  [5120, 4032, [1088]],
  [512, 512, []],
])("on Xen %i MiB are %i MiB below the hole and %j MiB from 4 GiB on", (memory, low, high) => {
  const image = plan({ memory: memory * MIB, memoryHole: true });
  const ram = [{ gpa: 0, size: low * MIB }, ...high.map((size) => ({ gpa: 2 ** 32, size: size * MIB }))];
  expect(image.ram).toEqual(ram);
  expect(image.memoryMap).toEqual(ram.map((range) => ({ ...range, type: "ram" })));
  // Pages that there are, not the highest of them: the balloon driver would take what is missing from the guest.
  const info = startInfo.decode(renderImage(image), image.pages.startInfo);
  expect(info.nr_pages).toBe(BigInt(memory * 256));
  expect(image.regions.find(({ name }) => name === "p2m")?.contents).toEqual({
    kind: "identity-p2m",
    entries: memory * 256,
  });
});

test("on Xen memory that may grow goes around the hole as well", () => {
  const image = plan({ memory: 64 * MIB, maxMemory: 4100 * MIB, memoryHole: true });
  expect(image.ram).toEqual([
    { gpa: 0, size: 4032 * MIB },
    { gpa: 2 ** 32, size: 68 * MIB },
  ]);
});

test("the hypercall page has shims for SMP only when they are asked for", () => {
  const page = (smpShims: boolean) => renderImage(plan({ smpShims })).subarray(0x1001000, 0x1002000);
  const trap: HypercallTrap = { kind: "vmcall" };
  expect(Buffer.compare(page(false), hypercallPage(trap))).toBe(0);
  expect(Buffer.compare(page(true), hypercallPage(trap, { smpShims: true }))).toBe(0);
});

test("without ramdisk mod_start and mod_len are 0", () => {
  const image = plan({ ramdisk: undefined });
  const info = startInfo.decode(renderImage(image), image.pages.startInfo);
  expect([info.mod_start, info.mod_len]).toEqual([0n, 0n]);
  expect(image.regions.map(({ name }) => name)).not.toContain("ramdisk");
});

test("a command line that does not fit is refused, not cut; 1023 bytes fit", () => {
  expect(() => plan({ commandLine: `${"é".repeat(511)}x` })).not.toThrow();
  expect(() => plan({ commandLine: "é".repeat(512) })).toThrow(
    expect.objectContaining({
      code: "CONFIG_INVALID",
      message: "The command line has 1024 bytes, but start_info takes at most 1023.",
    }),
  );
});

test("segments that overlap are refused", () => {
  const kernel = makeKernel({
    segments: [
      { paddr: 0x100000, bytes: pattern(0x2000, 1) },
      { paddr: 0x101000, bytes: pattern(0x2000, 1) },
    ],
    classic: { virtBase: 0n },
  });
  if (kernel.classic.state !== "supported") return expect.fail();
  const boot = kernel.classic.boot;
  expect(() => plan({ kernel, boot })).toThrow("kernel[1] (0x101000..0x103000) overlaps kernel[0]");
});
