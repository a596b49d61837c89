import { expect, test } from "vitest";
import { hypercallPage } from "./hypercall-page.ts";
import type { HypercallTrap } from "./image.ts";

test.each<[HypercallTrap, number[]]>([
  [{ kind: "vmcall" }, [0x0f, 0x01, 0xc1, 0xc3]],
  [{ kind: "vmmcall" }, [0x0f, 0x01, 0xd9, 0xc3]],
  [{ kind: "port", port: 0xe0 }, [0xe7, 0xe0, 0xc3]],
])("stub n of %j loads n, traps and returns", (trap, tail) => {
  const page = hypercallPage(trap);
  expect(page.length).toBe(4096);
  for (let nr = 0; nr < 128; nr++) {
    const stub = nr === 23 ? [0x0f, 0x0b] : [0xb8, nr, 0, 0, 0, ...tail];
    const filler = Array(32 - stub.length).fill(0xcc);
    expect([...page.subarray(nr * 32, nr * 32 + 32)]).toEqual([...stub, ...filler]);
  }
});

test.each([256, -1, 1.5])("a trapping port must fit in an immediate: %d", (port) => {
  expect(() => hypercallPage({ kind: "port", port })).toThrow(`must be 0..0xff, not ${port}`);
});
