const encoder = new TextEncoder();
/** Of a domain's name and of a file's. */
const LONGEST = 255;

/** `NAME-20261224T1830Z` as xl has it, in UTC; NAME is cut when all of it is too long. */
export function datedName(name: string, at: Date, isTaken: (dated: string) => boolean): string {
  const minute = at.toISOString().slice(0, 16).replaceAll(/[-:]/g, "");
  for (let number = 1; ; number++) {
    const suffix = number === 1 ? `-${minute}Z` : `-${minute}Z-${number}`;
    const dated = `${cut(name, LONGEST - suffix.length)}${suffix}`;
    if (!isTaken(dated)) return dated;
  }
}

/** Whether `dated` is a dated name of `name`. */
export function isDatedNameOf(name: string, dated: string): boolean {
  const [suffix] = /-\d{8}T\d{4}Z(?:-\d+)?$/.exec(dated) ?? [];
  return suffix !== undefined && dated === `${cut(name, LONGEST - suffix.length)}${suffix}`;
}

/** At most so many bytes, in whole characters. */
function cut(text: string, size: number): string {
  const characters = [...text];
  while (encoder.encode(characters.join("")).length > size) characters.pop();
  return characters.join("");
}
