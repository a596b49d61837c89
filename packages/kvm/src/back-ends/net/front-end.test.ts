import { describe, expect, test } from "vitest";
import { readFrontEnd } from "./front-end.ts";

/** What Linux 3.18 to 4.10 writes. */
const linux: Record<string, string | undefined> = {
  "tx-ring-ref": "8",
  "rx-ring-ref": "9",
  "event-channel-tx": "11",
  "event-channel-rx": "12",
  "request-rx-copy": "1",
  "feature-rx-notify": "1",
  "feature-sg": "1",
  "feature-gso-tcpv4": "1",
  "feature-gso-tcpv6": "1",
  "feature-ipv6-csum-offload": "1",
};
const read = (nodes: Record<string, string | undefined>) => readFrontEnd((name) => nodes[name]);

test("Linux's front end takes everything", () => {
  expect(read(linux)).toEqual({
    transmitRing: 8,
    receiveRing: 9,
    transmitPort: 11,
    receivePort: 12,
    scatterGather: true,
    checksum4: true,
    checksum6: true,
    segments4: true,
    segments6: true,
    multicastControl: false,
    notifiesReceive: true,
  });
});

test("mini-os's front end takes little", () => {
  const nodes = { "tx-ring-ref": "8", "rx-ring-ref": "9", "event-channel": "11", "request-rx-copy": "1" };
  expect(read(nodes)).toMatchObject({
    transmitPort: 11,
    receivePort: 11,
    scatterGather: false,
    checksum4: true,
    checksum6: false,
    segments4: false,
    segments6: false,
    notifiesReceive: false,
  });
});

test("segments need fragments and checksums", () => {
  expect(read({ ...linux, "feature-sg": "0" })).toMatchObject({ segments4: false, segments6: false });
  expect(read({ ...linux, "feature-no-csum-offload": "1" })).toMatchObject({
    checksum4: false,
    segments4: false,
    segments6: true,
  });
  expect(read({ ...linux, "feature-ipv6-csum-offload": "0" })).toMatchObject({
    segments4: true,
    segments6: false,
  });
});

describe("a front end is refused", () => {
  test.for<[Record<string, string | undefined>, RegExp]>([
    [{ "request-rx-copy": undefined }, /request-rx-copy/],
    [{ "request-rx-copy": "0" }, /request-rx-copy/],
    [{ "tx-ring-ref": undefined }, /no tx-ring-ref/],
    [{ "rx-ring-ref": undefined }, /no rx-ring-ref/],
    [{ "event-channel-tx": undefined }, /no event-channel/],
    [{ "event-channel-rx": undefined }, /no event-channel-rx/],
    [{ "multi-queue-num-queues": "2" }, /2 queues/],
    [{ "tx-ring-ref": "-1" }, /not a number/],
    [{ "rx-ring-ref": "4294967296" }, /not a number/],
    [{ "event-channel-rx": "1e3" }, /not a number/],
    [{ "feature-sg": "x".repeat(4000) }, /^.{0,120}$/],
  ])("with %o", ([nodes, message]) => {
    expect(() => read({ ...linux, ...nodes })).toThrow(message);
  });
});
