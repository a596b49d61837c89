/**
 * Paths and values are byte strings, as in the store of `@pvh/kvm`: JavaScript strings of characters 0 to 255, one for
 * each byte on the wire. Whatever bytes a guest has written survive, and a value that has been made UTF-8 once, such as
 * a domain's name, is not made UTF-8 twice.
 */

export function isByteText(text: string): boolean {
  return !/[\u0100-\uffff]/.test(text);
}

/** The byte string of any text: its UTF-8. */
export function utf8Text(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** The text of a byte string that is UTF-8; bytes that are not become replacement characters. */
export function textOfUtf8(byteText: string): string {
  return Buffer.from(byteText, "latin1").toString("utf8");
}
