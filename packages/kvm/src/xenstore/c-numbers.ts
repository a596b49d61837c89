/** How xenstored reads numbers: with the C library, whose leniency clients see in the replies. */

const LONG_MAX = (1n << 63n) - 1n;

/** `atoi`: leading blanks and a sign, then digits; whatever follows is ignored. The low 32 bits, signed. */
export function atoi(text: string): number {
  const [, sign = "", digits = ""] = /^[ \t-\r]*([+-]?)(\d+)/.exec(text) ?? [];
  return digits === "" ? 0 : low32(sign, BigInt(digits));
}

/** `strtol` with base 0, of a text that must be a number and nothing else. The low 32 bits, signed. */
export function strtolExact(text: string): number | undefined {
  const match = /^[ \t-\r]*([+-]?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9]\d*))$/.exec(text);
  if (match === null) return undefined;
  const [, sign = "", hexadecimal, octal, decimal = "0"] = match;
  if (hexadecimal !== undefined) return low32(sign, BigInt(`0x${hexadecimal}`));
  if (octal !== undefined) return low32(sign, BigInt(`0o0${octal}`));
  return low32(sign, BigInt(decimal));
}

function low32(sign: string, magnitude: bigint): number {
  const negative = sign === "-";
  const limit = negative ? LONG_MAX + 1n : LONG_MAX;
  const clamped = magnitude > limit ? limit : magnitude;
  return Number(BigInt.asIntN(32, negative ? -clamped : clamped));
}
