import { PvhError } from "@pvh/errors";
import { describe, expect, test } from "vitest";
import { encodeHead, readHead } from "./head.ts";
import { bytesSource } from "./source.ts";

const texts = { libxl: '{"c_info":{}}', own: '{"format":"pvhd"}' };

function changed(at: number, value: number): Uint8Array {
  const bytes = Uint8Array.from(encodeHead(texts));
  new DataView(bytes.buffer).setUint32(at, value, true);
  return bytes;
}

test("what is written is read", () => {
  const bytes = encodeHead(texts);
  expect(readHead(bytesSource(bytes))).toEqual({ ...texts, end: bytes.length });
});

test("the header is xl's, and its config ends with a NUL", () => {
  const bytes = Buffer.from(encodeHead(texts));
  expect(bytes.subarray(0, 32).toString("latin1")).toBe("Xen saved domain, xl format\n \0 \r");
  expect([32, 36, 40].map((at) => bytes.readUInt32LE(at))).toEqual([0x01020304, 3, 0]);
  expect(bytes.readUInt32LE(44)).toBe(bytes.length - 48);
  expect(bytes.readUInt32LE(48)).toBe(texts.libxl.length + 1);
  expect(bytes[52 + texts.libxl.length]).toBe(0);
});

test("what xl has written has nothing of pvhd's, whatever follows", () => {
  const bytes = Buffer.from(encodeHead(texts));
  const withoutTail = Buffer.from(bytes.subarray(0, 52 + texts.libxl.length + 1));
  withoutTail.writeUInt32LE(withoutTail.length - 48, 44);
  expect(readHead(bytesSource(Buffer.concat([withoutTail, bytes])))).toEqual({
    libxl: texts.libxl,
    end: withoutTail.length,
  });
});

describe("refused", () => {
  const refusal = (bytes: Uint8Array) => {
    try {
      readHead(bytesSource(bytes));
    } catch (error) {
      if (error instanceof PvhError) return `${error.code}: ${error.message}`;
      throw error;
    }
    return "nothing";
  };

  test.each<[string, Uint8Array, RegExp]>([
    ["nothing", new Uint8Array(), /^SAVED_FORMAT: The file is not a saved domain; give one/],
    ["an ELF file", Buffer.from("\x7fELF".padEnd(4096)), /^SAVED_FORMAT/],
    ["half a magic", encodeHead(texts).subarray(0, 20), /^SAVED_FORMAT/],
    ["a header alone", encodeHead(texts).subarray(0, 40), /^SAVED_TRUNCATED: The file ends in its header/],
    ["half a config", encodeHead(texts).subarray(0, 60), /^SAVED_TRUNCATED: The file ends in its config/],
    ["another byte order", changed(32, 0x04030201), /^SAVED_FORMAT.*byte order/],
    ["an unknown flag", changed(36, 7), /^SAVED_VERSION.*0x4.*newer tool/],
    ["every flag", changed(36, 0xffffffff), /^SAVED_VERSION.*0xfffffffc/],
    ["xl's first format", changed(36, 1), /^SAVED_VERSION.*before Xen 4\.6/],
    ["a config in xl's language", changed(36, 2), /^SAVED_VERSION/],
    ["4 GiB of config", changed(44, 0xffffffff), /^SAVED_FORMAT.*4294967295 bytes/],
    ["a config longer than its place", changed(48, 0xffffffff), /^SAVED_FORMAT.*no config/],
    ["no config", changed(44, 0), /^SAVED_FORMAT.*no config/],
    ["a config that is not text", changed(52, 0xffffffff), /^SAVED_FORMAT.*UTF-8/],
  ])("%s", (_what, bytes, sentence) => {
    expect(refusal(bytes)).toMatch(sentence);
  });
});
