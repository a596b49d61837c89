import { expect, test } from "vitest";
import { cpupoolNamed } from "./cpupool.ts";
import { FakeHost } from "./fake-host.testing.ts";

test("a cpupool is found by its name; without one it is the first", async () => {
  await using host = new FakeHost();
  expect(await cpupoolNamed(host.store, undefined)).toBe(0);
  await expect(cpupoolNamed(host.store, "Pool-0")).rejects.toThrow("the host has no named cpupool");
  await host.store.write("/local/pool/0/name", "Pool-0");
  await host.store.write("/local/pool/3/name", "fast");
  expect(await cpupoolNamed(host.store, "fast")).toBe(3);
  expect(await cpupoolNamed(host.store, "Pool-0")).toBe(0);
  await expect(cpupoolNamed(host.store, "slow")).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: 'pool is "slow", but the host has Pool-0, fast.',
    details: { field: "pool" },
  });
});
