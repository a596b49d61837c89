/** Longest piece of a user's text that a message repeats. */
const LONGEST = 80;

// Control characters, line separators, direction overrides and lone surrogates would garble a terminal or a log.
const unprintable = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** `text` with one replacement character for each character that could garble a terminal. Tabs stay. */
export function printable(text: string): string {
  return text.replace(unprintable, (char) => (char === "\t" ? char : "\ufffd"));
}

/** Any value as a message repeats it: texts quoted and cut, lists and objects only named. */
export function shown(value: unknown): string {
  if (typeof value === "string") {
    const cut = value.length > LONGEST ? `${value.slice(0, LONGEST)}...` : value;
    return `"${printable(cut).replaceAll("\t", "\ufffd")}"`;
  }
  if (Array.isArray(value)) {
    return value.length === 0 ? "an empty list" : `a list of ${value.length}`;
  }
  if (value === null) return "null";
  if (value === undefined) return "nothing";
  if (typeof value === "object" || typeof value === "function") return "an object";
  return String(value);
}
