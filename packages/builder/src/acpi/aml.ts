/**
 * The few AML terms that the DSDT needs, as bytes. Source: ACPI specification 6.3, chapters 6.4 and 20.2.
 */

const text = (value: string): number[] => Array.from(value, (char) => char.charCodeAt(0));

/** A name of up to four characters, padded with "_". A leading "\" stands for itself. */
export function name(path: string): number[] {
  const root = path.startsWith("\\") ? "\\" : "";
  return text(root + path.slice(root.length).padEnd(4, "_"));
}

/** PkgLength of a term: counts itself and `body`. One byte holds up to 63, two up to 4095, three up to 2^20 - 1. */
function withLength(body: number[]): number[] {
  if (body.length + 1 <= 0x3f) return [body.length + 1, ...body];
  const more = body.length + 2 <= 0xfff ? 1 : 2;
  const length = body.length + 1 + more;
  if (length > 0xfffff) throw new RangeError(`an AML term of ${length} bytes is beyond what is needed here`);
  const high = more === 1 ? [length >> 4] : [(length >> 4) & 0xff, length >> 12];
  return [(more << 6) | (length & 0xf), ...high, ...body];
}

/** A string of ASCII characters. */
export function string(value: string): number[] {
  return [0x0d, ...text(value), 0];
}

export function integer(value: number): number[] {
  if (value === 0 || value === 1) return [value];
  if (value <= 0xff) return [0x0a, value];
  return [0x0c, value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24];
}

/** `Name (path, value)` */
export function named(path: string, value: number[]): number[] {
  return [0x08, ...name(path), ...value];
}

/** `Package () {...}` */
export function packageOf(...elements: number[][]): number[] {
  return [0x12, ...withLength([elements.length, ...elements.flat()])];
}

/** `Scope (path) {...}` */
export function scope(path: string, ...terms: number[][]): number[] {
  return [0x10, ...withLength([...name(path), ...terms.flat()])];
}

/** `Device (path) {...}` */
export function device(path: string, ...terms: number[][]): number[] {
  return [0x5b, 0x82, ...withLength([...name(path), ...terms.flat()])];
}

/** `EisaId ("PNP0501")`: three letters of five bits, four hexadecimal digits, big endian. */
export function eisaId(id: string): number[] {
  const [a = 0, b = 0, c = 0] = text(id).map((code) => code - 0x40);
  const letters = (a << 10) | (b << 5) | c;
  const digits = Number.parseInt(id.slice(3), 16);
  return [0x0c, letters >> 8, letters & 0xff, digits >> 8, digits & 0xff];
}

/** `ResourceTemplate () {...}`: a buffer of descriptors and an end tag. */
export function resourceTemplate(...descriptors: number[][]): number[] {
  // A checksum of 0 in the end tag means that it is not checked.
  const content = [...descriptors.flat(), 0x79, 0];
  return [0x11, ...withLength([...integer(content.length), ...content])];
}

/** `IO (Decode16, base, base, 1, length)` */
export function ioPorts(base: number, length: number): number[] {
  const bytes = [base & 0xff, base >> 8];
  return [0x47, 1, ...bytes, ...bytes, 1, length];
}

/** `IRQNoFlags () {irq}`: edge triggered, active high. */
export function irq(number: number): number[] {
  const mask = 1 << number;
  return [0x22, mask & 0xff, mask >> 8];
}
