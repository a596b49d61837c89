import { expect, test } from "vitest";
import { type XenAcpiInput, xenAcpi } from "./xen-tables.ts";

/** Guest memory with the parts in it, read with offsets from the specification. */
function machine(input: XenAcpiInput) {
  const parts = xenAcpi(input);
  const part = (gpa: number) =>
    parts.find((candidate) => gpa >= candidate.gpa && gpa < candidate.gpa + candidate.size) ??
    expect.fail(`nothing stands at 0x${gpa.toString(16)}`);
  const bytes = (gpa: number, length: number) => {
    const { gpa: base, bytes: all } = part(gpa);
    expect(gpa - base + length).toBeLessThanOrEqual(all.length);
    return all.subarray(gpa - base, gpa - base + length);
  };
  const view = (gpa: number, length: number) => {
    const { buffer, byteOffset } = bytes(gpa, length);
    return new DataView(buffer, byteOffset, length);
  };
  const u32 = (gpa: number) => view(gpa, 4).getUint32(0, true);
  const u64 = (gpa: number) => Number(view(gpa, 8).getBigUint64(0, true));
  const text = (gpa: number, length: number) => String.fromCharCode(...bytes(gpa, length));
  const sum = (gpa: number, length: number) =>
    bytes(gpa, length).reduce((total, byte) => (total + byte) & 0xff, 0);
  const list = (gpa: number, width: 4 | 8) =>
    Array.from({ length: (u32(gpa + 4) - 36) / width }, (_, i) =>
      width === 4 ? u32(gpa + 36 + i * 4) : u64(gpa + 36 + i * 8),
    );
  const [rsdp, info, tables] = parts;
  const [oldFadt = 0, madt = 0] = list(u32(rsdp.gpa + 16), 4);
  const [fadt = 0] = list(u64(rsdp.gpa + 24), 8);
  return { rsdp, info, tables, bytes, view, u32, u64, text, sum, list, oldFadt, fadt, madt };
}

test("RSDP, RSDT and XSDT lead to tables with right checksums and libxl's names", () => {
  const { rsdp, text, sum, u32, u64, list, bytes, oldFadt, fadt, madt } = machine({
    vcpus: 2,
    maxVcpus: 4,
    lowRsdp: false,
  });
  expect([text(rsdp.gpa, 8), sum(rsdp.gpa, 20), sum(rsdp.gpa, 36)]).toEqual(["RSD PTR ", 0, 0]);
  expect([...bytes(rsdp.gpa + 15, 1), u32(rsdp.gpa + 20)]).toEqual([2, 36]);
  const rsdt = u32(rsdp.gpa + 16);
  const xsdt = u64(rsdp.gpa + 24);
  expect([list(rsdt, 4), list(xsdt, 8)]).toEqual([
    [oldFadt, madt],
    [fadt, madt],
  ]);
  const found = [rsdt, xsdt, oldFadt, fadt, madt, u32(fadt + 40)].map((at) => {
    expect(sum(at, u32(at + 4))).toBe(0);
    expect([text(at + 10, 6), text(at + 16, 8), text(at + 28, 4)]).toEqual([
      "Xen\0\0\0",
      "HVM\0\0\0\0\0",
      "HVML",
    ]);
    return [text(at, 4), ...bytes(at + 8, 1)];
  });
  expect(found).toEqual([
    ["RSDT", 1],
    ["XSDT", 1],
    ["FACP", 1],
    ["FACP", 5],
    ["APIC", 2],
    ["DSDT", 5],
  ]);
});

test("the FADT says what Xen's says", () => {
  const { fadt, oldFadt, view, u32, u64, text } = machine({ vcpus: 1, maxVcpus: 1, lowRsdp: true });
  expect([u32(oldFadt + 4), u32(fadt + 4)]).toEqual([116, 268]);
  const whole = view(fadt, 268);
  const short = (at: number) => whole.getUint16(at, true);
  expect({ sci: short(46), smi: u32(fadt + 48), boot: short(109), flags: u32(fadt + 112) }).toEqual({
    sci: 9,
    smi: 0,
    boot: 0x24,
    flags: 0x8175,
  });
  expect([56, 64, 76, 80].map((at) => u32(fadt + at))).toEqual([0xb000, 0xb004, 0, 0xafe0]);
  expect([88, 89, 91, 92].map((at) => whole.getUint8(at))).toEqual([4, 2, 0, 4]);
  expect([u64(fadt + 152), u64(fadt + 176), u64(fadt + 224)]).toEqual([0xb000, 0xb004, 0xafe0]);
  expect([u64(fadt + 120), whole.getUint8(128)]).toEqual([0xcf9, 6]);
  const facs = u32(fadt + 36);
  expect([text(facs, 4), u32(facs + 4), facs % 64, u64(fadt + 132)]).toEqual(["FACS", 64, 0, facs]);
  expect(u64(fadt + 140)).toBe(u32(fadt + 40));
});

test("the MADT has a local APIC for each possible vCPU, enabled where the vCPU is", () => {
  const { madt, u32, bytes } = machine({ vcpus: 2, maxVcpus: 3, lowRsdp: false });
  expect([u32(madt + 4), u32(madt + 36), u32(madt + 40)]).toEqual([44 + 3 * 8, 0xfee00000, 1]);
  expect([...bytes(madt + 44, 24)]).toEqual(
    [
      [0, 8, 0, 0, 1, 0, 0, 0],
      [0, 8, 1, 2, 1, 0, 0, 0],
      [0, 8, 2, 4, 0, 0, 0, 0],
    ].flat(),
  );
});

test("the information page counts the vCPUs and points into the MADT", () => {
  const { info, madt, view } = machine({ vcpus: 1, maxVcpus: 5, lowRsdp: false });
  expect([info.gpa, info.size]).toEqual([0xfc000000, 4096]);
  const page = view(info.gpa, 40);
  expect([page.getUint16(0, true), page.getUint16(2, true)]).toEqual([0, 5]);
  expect([page.getUint32(12, true), page.getUint32(16, true)]).toEqual([madt + 9, madt + 44]);
});

test("the DSDT is the AML of the processors", () => {
  const { fadt, u32, bytes } = machine({ vcpus: 1, maxVcpus: 2, lowRsdp: false });
  const at = u32(fadt + 40);
  const hex = Array.from(bytes(at + 36, u32(at + 4) - 36), (byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
  const hid = "08 5f484944 0d 4143504930303037 00";
  expect(hex).toBe(
    [
      "10 4c04 5c5f53425f",
      `5b82 21 50523030 ${hid} 08 5f554944 00 08 5f535441 0a0f`,
      `5b82 20 50523031 ${hid} 08 5f554944 01 08 5f535441 00`,
    ]
      .join("")
      .replaceAll(" ", ""),
  );
});

test("128 vCPUs fit in libxl's 16 pages", () => {
  const [, , tables] = xenAcpi({ vcpus: 128, maxVcpus: 128, lowRsdp: true });
  expect([tables.size % 4096, tables.size <= 16 * 4096]).toEqual([0, true]);
});
