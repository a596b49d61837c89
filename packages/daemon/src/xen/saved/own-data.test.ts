import { GuestConfig } from "@pvh/builder";
import { expect, test } from "vitest";
import { decodeOwnData, encodeOwnData } from "./own-data.ts";

const config = GuestConfig.parse({
  ...{ name: "g", type: "pvh", kernel: "/k", memory: 64, vif: ["bridge=b"] },
  disk: ["/a,raw,xvda,w"],
});
const memoryMap = [{ gpa: 0, size: 64 << 20, type: 1 }];

test("what is written is read", () => {
  for (const data of [{ config, memoryMap, msrRelaxed: true }, { config }]) {
    expect(decodeOwnData(encodeOwnData(data))).toEqual(data);
  }
});

test("what another tool has there is nothing of pvhd's", () => {
  for (const text of ["", "{", "null", "[]", '{"format":"other","version":1}', '{"format":"pvhd"}']) {
    expect(decodeOwnData(text)).toBeUndefined();
  }
});

test("what a newer pvhd wrote, and what is damaged, is refused", () => {
  const text = encodeOwnData({ config, memoryMap });
  const changed = (changes: object) => JSON.stringify({ ...JSON.parse(text), ...changes });
  expect(() => decodeOwnData(changed({ version: 2 }))).toThrow(/newer pvhd/);
  expect(() => decodeOwnData(changed({ memoryMap: [{ gpa: -1 }] }))).toThrow(/damaged data of pvhd/);
  expect(() => decodeOwnData(changed({ memoryMap: Array(129).fill(memoryMap[0]) }))).toThrow(/damaged/);
  expect(() => decodeOwnData(changed({ config: { ...config, memory: 0 } }))).toThrow(/memory is 0/);
  expect(() => decodeOwnData(changed({ config: { ...config, kernel: "k" } }))).toThrow(/relative paths/);
});
