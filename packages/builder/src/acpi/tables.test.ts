import { expect, test } from "vitest";
import { acpiTables } from "./tables.ts";

const BASE = 0xe0000;

const { bytes, rsdp } = acpiTables({ gpa: BASE, vcpus: 3 });
const view = new DataView(bytes.buffer);
const sum = (at: number, length: number) =>
  bytes.subarray(at, at + length).reduce((total, byte) => (total + byte) & 0xff, 0);
const text = (at: number, length: number) => String.fromCharCode(...bytes.subarray(at, at + length));

/** Follows the pointers as an operating system does, with offsets from the specification. */
function tables(): Record<string, number> {
  const root = rsdp - BASE;
  const xsdt = Number(view.getBigUint64(root + 24, true)) - BASE;
  const found: Record<string, number> = { XSDT: xsdt };
  for (let at = xsdt + 36; at < xsdt + view.getUint32(xsdt + 4, true); at += 8) {
    const table = Number(view.getBigUint64(at, true)) - BASE;
    found[text(table, 4)] = table;
  }
  const fadt = found.FACP ?? expect.fail();
  found.FACS = view.getUint32(fadt + 36, true) - BASE;
  found.DSDT = Number(view.getBigUint64(fadt + 140, true)) - BASE;
  expect(view.getUint32(fadt + 40, true) - BASE).toBe(found.DSDT);
  return found;
}

test("all tables are found from the RSDP, with right checksums", () => {
  expect([text(0, 8), bytes[15], view.getUint32(20, true)]).toEqual(["RSD PTR ", 2, 36]);
  expect([sum(0, 20), sum(0, 36)]).toEqual([0, 0]);
  const found = tables();
  expect(Object.keys(found).sort()).toEqual(["APIC", "DSDT", "FACP", "FACS", "XSDT"]);
  for (const name of ["XSDT", "FACP", "APIC", "DSDT"]) {
    const at = found[name] ?? expect.fail();
    expect([name, text(at, 4), sum(at, view.getUint32(at + 4, true))]).toEqual([name, name, 0]);
  }
  const facs = found.FACS ?? expect.fail();
  expect([text(facs, 4), view.getUint32(facs + 4, true), facs % 64]).toEqual(["FACS", 64, 0]);
});

test("the FADT names the fixed hardware of the bare platform", () => {
  const at = tables().FACP ?? expect.fail();
  expect([view.getUint32(at + 4, true), bytes[at + 8]]).toEqual([276, 6]);
  expect(view.getUint16(at + 46, true)).toBe(9);
  expect([
    view.getUint32(at + 48, true),
    view.getUint32(at + 56, true),
    view.getUint32(at + 64, true),
  ]).toEqual([0, 0x600, 0x604]);
  expect([bytes[at + 88], bytes[at + 89], view.getUint32(at + 76, true), bytes[at + 91]]).toEqual([
    4, 2, 0, 0,
  ]);
  expect(view.getUint16(at + 109, true)).toBe(0x25);
  expect(view.getUint32(at + 112, true)).toBe(0x465);
  expect([...bytes.subarray(at + 116, at + 129)]).toEqual([1, 8, 0, 1, 0xf9, 0x0c, 0, 0, 0, 0, 0, 0, 6]);
  expect([...bytes.subarray(at + 148, at + 160)]).toEqual([1, 32, 0, 2, 0, 6, 0, 0, 0, 0, 0, 0]);
  expect([...bytes.subarray(at + 172, at + 184)]).toEqual([1, 16, 0, 2, 4, 6, 0, 0, 0, 0, 0, 0]);
});

test("the MADT has one local APIC for each vCPU, the I/O APIC, and the SCI as level triggered", () => {
  const at = tables().APIC ?? expect.fail();
  const end = at + view.getUint32(at + 4, true);
  expect([view.getUint32(at + 36, true), view.getUint32(at + 40, true)]).toEqual([0xfee00000, 1]);
  const entries: number[][] = [];
  for (let next = at + 44; next < end; next += bytes[next + 1] ?? expect.fail()) {
    entries.push([...bytes.subarray(next, next + (bytes[next + 1] ?? 0))]);
  }
  expect(entries).toEqual([
    [0, 8, 0, 0, 1, 0, 0, 0],
    [0, 8, 1, 1, 1, 0, 0, 0],
    [0, 8, 2, 2, 1, 0, 0, 0],
    [1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0],
    [2, 10, 0, 9, 9, 0, 0, 0, 0x0d, 0],
  ]);
});

test("the DSDT is the AML of \\_S5 and COM1", () => {
  const at = tables().DSDT ?? expect.fail();
  const hex = Array.from(bytes.subarray(at + 36, at + view.getUint32(at + 4, true)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
  // As iasl 20200925 disassembles it: Name (\_S5, Package (4) {5, 5, Zero, Zero}), then Scope (\_SB) with Device (COM1).
  expect(hex).toBe(
    [
      "08 5c5f53355f 12 08 04 0a05 0a05 00 00",
      "10 3a 5c5f53425f 5b82 32 434f4d31",
      "08 5f484944 0c 41d00501",
      "08 5f554944 01",
      "08 5f535441 0a0f",
      "08 5f435253 11 10 0a0d 47 01 f803 f803 01 08 22 1000 79 00",
    ]
      .join("")
      .replaceAll(" ", ""),
  );
});

test("tables of 128 vCPUs still fit in the firmware area", () => {
  expect(acpiTables({ gpa: BASE, vcpus: 128 }).bytes.length).toBeLessThan(0x20000);
});
