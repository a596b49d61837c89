import { expect, test } from "vitest";
import { eventually } from "../eventually.testing.ts";
import { coalesced } from "./coalesced.ts";

test("a burst has the work done now and once more, and what comes later once again", async () => {
  const gates = [0, 1, 2].map(() => Promise.withResolvers<void>());
  let begun = 0;
  const call = coalesced(async () => {
    await gates[begun++]?.promise;
  });
  for (let i = 0; i < 5; i++) call();
  expect(begun).toBe(1);
  gates[0]?.resolve();
  await eventually(() => expect(begun).toBe(2));
  gates[1]?.resolve();
  await gates[1]?.promise;
  await new Promise(setImmediate);
  expect(begun).toBe(2);
  call();
  expect(begun).toBe(3);
  gates[2]?.resolve();
});
