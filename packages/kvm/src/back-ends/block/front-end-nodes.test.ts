import { expect, test } from "vitest";
import { readFrontEnd } from "./front-end-nodes.ts";

const read = (nodes: Record<string, string>) => readFrontEnd((name) => nodes[name]);

test.each<[string, Record<string, string>, number[]]>([
  ["ring-ref", { "ring-ref": "8" }, [8]],
  ["ring-ref0 without an order", { "ring-ref0": "9" }, [9]],
  ["ring-ref with order 0", { "ring-page-order": "0", "ring-ref": "8" }, [8]],
  ["order 0 after another front end", { "ring-page-order": "0", "ring-ref": "8", "ring-ref0": "9" }, [9]],
  ["no order after another front end", { "ring-ref": "8", "ring-ref0": "9" }, [8]],
  [
    "two pages",
    { "ring-page-order": "1", "ring-ref": "8", "ring-ref0": "0", "ring-ref1": "4294967295" },
    [0, 4294967295],
  ],
])("%s", (_name, nodes, refs) => {
  expect(read({ "event-channel": "3", ...nodes }).queues).toEqual([{ ringRefs: refs, eventChannel: 3 }]);
});

test("queues have directories of their own when there are several", () => {
  const nodes = {
    "multi-queue-num-queues": "2",
    "ring-ref": "1",
    "event-channel": "1",
    "queue-0/ring-ref": "2",
    "queue-0/event-channel": "3",
    "queue-1/ring-ref": "4",
    "queue-1/event-channel": "5",
  };
  expect(read(nodes).queues).toEqual([
    { ringRefs: [2], eventChannel: 3 },
    { ringRefs: [4], eventChannel: 5 },
  ]);
});

test("the protocol is ours unless it is named", () => {
  const size = (protocol: Record<string, string>) =>
    read({ "ring-ref": "1", "event-channel": "1", ...protocol }).layout.size;
  expect([{}, { protocol: "x86_64-abi" }, { protocol: "x86_32-abi" }].map(size)).toEqual([112, 112, 108]);
});
