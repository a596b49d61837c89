import { expect, test } from "vitest";
import { encodeMessage, MessageReader, type StoreMessage } from "./message.ts";

const message: StoreMessage = {
  type: 11,
  requestId: 0x01020304,
  transactionId: 5,
  payload: "/a\0\u00ff\0z",
};
const bytes = Buffer.from("0b000000040302010500000006000000" + "2f6100ff007a", "hex");

test("a message is its little-endian header and the payload's bytes", () => {
  expect(Buffer.from(encodeMessage(message))).toEqual(bytes);
});

test("the stream may come in any pieces", () => {
  const empty = { type: 16, requestId: 1, transactionId: 0, payload: "" };
  const stream = Buffer.concat([bytes, encodeMessage(empty), bytes]);
  for (let size = 1; size <= stream.length; size++) {
    const reader = new MessageReader();
    const messages: StoreMessage[] = [];
    for (let at = 0; at < stream.length; at += size) {
      messages.push(...reader.take(stream.subarray(at, at + size)));
    }
    expect(messages).toEqual([message, empty, message]);
  }
});

test("a message is there with its last byte, also when it has no payload", () => {
  const empty = encodeMessage({ type: 1, requestId: 2, transactionId: 3, payload: "" });
  const reader = new MessageReader();
  expect([...reader.take(empty.subarray(0, 15))]).toEqual([]);
  expect([...reader.take(empty.subarray(15))]).toHaveLength(1);
  expect([...reader.take(bytes.subarray(0, -1))]).toEqual([]);
  expect([...reader.take(bytes.subarray(-1))]).toEqual([message]);
});

test("4096 bytes are the longest payload", () => {
  const longest = { ...message, payload: "p".repeat(4096) };
  expect([...new MessageReader().take(encodeMessage(longest))]).toEqual([longest]);
  const header = encodeMessage({ ...message, payload: "p".repeat(4097) }).subarray(0, 16);
  expect(() => [...new MessageReader().take(header)]).toThrow("it sent a message of 4097 bytes");
});
