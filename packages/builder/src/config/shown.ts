export { printable, shown } from "@pvh/errors";

/** How a message names one character: `"x"`, or its number where printing it would not help. */
export function shownCharacter(char: string): string {
  const number = char.codePointAt(0) ?? 0;
  const code = `U+${number.toString(16).toUpperCase().padStart(4, "0")}`;
  return number > 0x20 && number < 0x7f ? `"${char}"` : code;
}
