import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Recent, Scratch } from "./recent.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("the last is there for another use, until another was made or nobody has used it for long", () => {
  const scratch = new Scratch();
  const recent = new Recent<Uint8Array>(scratch);
  let made = 0;
  const make = () => {
    made++;
    return scratch.allocate(16);
  };
  const first = recent.get("a", make);
  expect(recent.get("a", make)).toBe(first);
  expect(made).toBe(1);
  // In the same memory.
  expect(recent.get("b", make).buffer).toBe(first.buffer);
  recent.get("a", make);
  expect(made).toBe(3);
  vi.advanceTimersByTime(20_000);
  recent.get("a", make);
  vi.advanceTimersByTime(20_000);
  recent.get("a", make);
  expect(made).toBe(3);
  vi.advanceTimersByTime(30_000);
  expect(recent.get("a", make).buffer).not.toBe(first.buffer);
  expect(made).toBe(4);
});

test("what could not be made is not there, and neither is what was there before", () => {
  const recent = new Recent<string>();
  const fail = () => {
    throw new Error("unreadable");
  };
  expect(recent.get("a", () => "first")).toBe("first");
  expect(() => recent.get("b", fail)).toThrow("unreadable");
  expect(recent.get("a", () => "second")).toBe("second");
});
