import { closeSync, readSync, writeSync } from "node:fs";
import { expect, test } from "vitest";
import { socketPair } from "./socket-pair.ts";

test("what goes in at one end comes out at the other, until that is closed", () => {
  const [one, other] = socketPair();
  writeSync(one, "there");
  const bytes = Buffer.alloc(16);
  expect(bytes.toString("latin1", 0, readSync(other, bytes))).toBe("there");
  writeSync(other, "and back");
  closeSync(other);
  expect(bytes.toString("latin1", 0, readSync(one, bytes))).toBe("and back");
  expect(readSync(one, bytes)).toBe(0);
  closeSync(one);
});
