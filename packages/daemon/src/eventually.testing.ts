import { vi } from "vitest";

/** Repeats `assertion` until it holds; after so long that no busy machine explains it, its own failure is the test's. */
export function eventually<T>(assertion: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(assertion, { timeout: 20_000, interval: 2 });
}
