/**
 * Paths, tokens and values are byte strings: JavaScript strings of characters 0 to 255, one for each byte. They compare
 * and concatenate fast, and whatever bytes a guest sends survive.
 */

/** `fromCharCode` takes its arguments on the stack. */
const CHUNK = 1024;

export function textOf(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK) {
    text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  }
  return text;
}

/** Writes `text` at `at`; what does not fit is cut off. */
export function putText(target: Uint8Array, at: number, text: string): void {
  const length = Math.min(text.length, target.length - at);
  for (let i = 0; i < length; i++) target[at + i] = text.charCodeAt(i);
}

/** The byte string of any text: its UTF-8. */
export function utf8Text(text: string): string {
  return textOf(new TextEncoder().encode(text));
}
