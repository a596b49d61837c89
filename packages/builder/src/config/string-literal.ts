import type { PvhError } from "@pvh/errors";
import { shown, shownCharacter } from "./shown.ts";
import { type SourceText, syntaxError } from "./source-text.ts";

/** A value is handed to C programs in the end, where NUL ends a text; the line ends here in any case. */
const plain = /[^"'\\\r\n\0]*/y;
const hexByte = /x([0-9a-fA-F]{2})/y;
const octalByte = /([0-3][0-7]{2})/y;

const escapes: Record<string, string> = {
  "\\": "\\",
  "'": "'",
  '"': '"',
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};
const allowedEscapes = "\\\\ \\' \\\" \\a \\b \\f \\n \\r \\t \\v, \\xHH or \\ooo";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads the string literal whose quote stands at `start`; `end` is behind the closing quote.
 *
 * `\xHH` and `\ooo` mean bytes, and bytes above 0x7f that stand together must be UTF-8. xl refuses the first and
 * swallows the second, so no config that works with xl reads differently here.
 */
export function readString(source: SourceText, start: number): { value: string; end: number } {
  const { text } = source;
  const quote = text.charAt(start);
  const parts: string[] = [];
  let bytes: number[] = [];
  let bytesStart = start;
  let at = start + 1;

  const fail = (from: number, sentence: string, found: string, allowed: string): PvhError =>
    syntaxError({ source, start: from, end: at }, sentence, found, allowed);

  const flushBytes = (): void => {
    if (bytes.length === 0) return;
    try {
      parts.push(utf8.decode(Uint8Array.from(bytes)));
    } catch {
      const found = bytes.slice(0, 8).map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`);
      throw fail(
        bytesStart,
        `the bytes ${found.join("")} are not UTF-8, and texts of a guest config are`,
        found.join(""),
        "bytes that together are valid UTF-8",
      );
    }
    bytes = [];
  };

  while (true) {
    plain.lastIndex = at;
    plain.test(text);
    if (plain.lastIndex > at) {
      flushBytes();
      parts.push(text.slice(at, plain.lastIndex));
      at = plain.lastIndex;
    }

    const char = text.charAt(at);
    if (char === quote) {
      flushBytes();
      return { value: parts.join(""), end: at + 1 };
    }
    if (char === '"' || char === "'") {
      flushBytes();
      parts.push(char);
      at += 1;
    } else if (char === "\\") {
      const byte = byteEscape(text, at + 1);
      const next = text.charAt(at + 1);
      const simple = Object.hasOwn(escapes, next) ? escapes[next] : undefined;
      if (byte?.value === 0) {
        throw fail(at, "a text cannot hold a NUL byte", text.slice(at, byte.end), "bytes 0x01 to 0xff");
      }
      if (byte !== undefined) {
        if (bytes.length === 0) bytesStart = at;
        bytes.push(byte.value);
        at = byte.end;
      } else if (simple !== undefined) {
        flushBytes();
        parts.push(simple);
        at += 2;
      } else {
        throw badEscape(source, at);
      }
    } else if (char === "\0") {
      throw fail(at, "a text cannot hold a NUL character", "U+0000", "any other character");
    } else {
      throw fail(
        start,
        `the text that begins here has no closing ${quote} on its line`,
        char === "" ? "the end of the text" : "the end of the line",
        `${quote} on the same line; a line break inside a text is written \\n`,
      );
    }
  }
}

function byteEscape(text: string, at: number): { value: number; end: number } | undefined {
  for (const [pattern, base] of [
    [hexByte, 16],
    [octalByte, 8],
  ] as const) {
    pattern.lastIndex = at;
    const digits = pattern.exec(text)?.[1];
    if (digits !== undefined) return { value: Number.parseInt(digits, base), end: pattern.lastIndex };
  }
  return undefined;
}

function badEscape(source: SourceText, at: number): PvhError {
  const next = String.fromCodePoint(source.text.codePointAt(at + 1) ?? 0x20);
  const place = { source, start: at, end: at + 2 };
  if (next === "x") {
    const found = source.text.slice(at, at + 4);
    return syntaxError(place, "\\x needs exactly two hexadecimal digits", shown(found), "\\x00 to \\xff");
  }
  if (/[0-9]/.test(next)) {
    const found = source.text.slice(at, at + 4);
    return syntaxError(
      place,
      "an octal escape needs three digits up to \\377",
      shown(found),
      "\\001 to \\377",
    );
  }
  return syntaxError(
    place,
    `a backslash before ${shownCharacter(next)} means nothing; a backslash itself is written \\\\`,
    shownCharacter(next),
    allowedEscapes,
  );
}
