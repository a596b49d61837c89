import { vi } from "vitest";
import { patience } from "./patience.ts";

/** Repeats `assertion` until it holds; after a long while its own failure is the test's. */
export function waitFor<T>(assertion: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(assertion, { timeout: 20_000 * patience, interval: 20 });
}
