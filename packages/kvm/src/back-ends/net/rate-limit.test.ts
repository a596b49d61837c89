import { expect, test } from "vitest";
import { RateLimit } from "./rate-limit.ts";

function limit(bytes: number, microseconds: number) {
  const clock = { now: 0 };
  return { clock, rate: new RateLimit({ bytes, microseconds }, () => clock.now) };
}

test("no more than the rate passes, in the long run", () => {
  const { clock, rate } = limit(10_000, 50_000);
  let passed = 0;
  while (clock.now < 10_000) {
    const wait = rate.take(1500);
    if (wait === 0) passed += 1500;
    else clock.now += Math.ceil(wait);
  }
  const allowed = (10_000 / 50_000) * 1e6 * 10;
  expect(passed).toBeLessThanOrEqual(allowed + 131_072);
  expect(passed).toBeGreaterThan(allowed * 0.95);
});

test("waiting times end at the next interval", () => {
  const { clock, rate } = limit(2000, 20_000);
  expect(rate.take(1500)).toBe(0);
  clock.now = 5;
  expect(rate.take(1500)).toBe(15);
  clock.now = 20;
  expect(rate.take(1500)).toBe(0);
});

test("a packet larger than an interval's share passes after some intervals", () => {
  const { clock, rate } = limit(1000, 1000);
  let waits = 0;
  for (; rate.take(65_535) > 0; waits++) clock.now += rate.take(65_535);
  expect(waits).toBe(65);
});
