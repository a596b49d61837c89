import { expect, test } from "vitest";
import { formatOf } from "./image-format.ts";

const none = new Uint8Array();
const at = (offset: number, text: string) => Buffer.from("\0".repeat(offset) + text, "latin1");

test.each([
  ["qcow2", at(0, "QFI\u00fb\0\0\0\u0003"), none],
  ["qcow2", at(0, "QFI\u00fb\0\0\0\u0002"), none],
  ["qcow", at(0, "QFI\u00fb\0\0\0\u0001"), none],
  ["qed", at(0, "QED\0"), none],
  ["vhd", at(0, "conectix"), none],
  // A fixed one has its mark at the end only.
  ["vhd", at(0, "data"), at(0, "conectix")],
  ["vmdk", at(0, "KDMV"), none],
  ["vdi", at(0x40, "\u007f\u0010\u00da\u00be"), none],
  [undefined, at(0, "data"), at(0, "data")],
  [undefined, none, none],
])("%s", (format, head, tail) => {
  expect(formatOf(head, tail)).toBe(format);
});
