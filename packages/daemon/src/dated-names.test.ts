import { expect, test } from "vitest";
import { datedName, isDatedNameOf } from "./dated-names.ts";

const at = new Date("2026-12-24T18:30:59.999Z");
const free = () => false;

test("a name gets the date and time of UTC behind it", () => {
  expect(datedName("web", at, free)).toBe("web-20261224T1830Z");
});

test("one that is taken gets a number", () => {
  const taken = new Set(["web-20261224T1830Z", "web-20261224T1830Z-2"]);
  expect(datedName("web", at, (name) => taken.has(name))).toBe("web-20261224T1830Z-3");
});

test("a name that is too long is cut between characters", () => {
  const name = `a${"é".repeat(127)}`;
  const dated = datedName(name, at, free);
  expect(dated).toBe(`a${"é".repeat(119)}-20261224T1830Z`);
  expect(Buffer.byteLength(dated)).toBeLessThanOrEqual(255);
  expect(isDatedNameOf(name, dated)).toBe(true);
});

test.each([
  ["web", "web-20261224T1830Z", true],
  ["web", "web-20261224T1830Z-12", true],
  ["web", "web-2-20261224T1830Z", false],
  ["web-2", "web-2-20261224T1830Z", true],
  ["web", "web", false],
  ["web", "web-20261224T1830Z.tmp", false],
  ["w.b", "wab-20261224T1830Z", false],
])("of %j, %j is a dated name: %s", (name, dated, expected) => {
  expect(isDatedNameOf(name, dated)).toBe(expected);
});
