import { PvhError, shown } from "@pvh/errors";

const KIB_PER_MIB = 1024;
const kibPerUnit: Readonly<Record<string, number>> = { k: 1, m: 1024, g: 1024 ** 2, t: 1024 ** 3 };

/**
 * Memory as xl's mem-set takes it: a number of MiB, or with k, m, g or t behind it. Returns MiB.
 *
 * @throws PvhError USAGE
 */
export function parseMemory(text: string): number {
  const [, digits = "", unit = "m"] = /^([0-9]{1,12})([kmgt]?)$/i.exec(text) ?? [];
  const mib = (Number(digits) * (kibPerUnit[unit.toLowerCase() || "m"] ?? 0)) / KIB_PER_MIB;
  if (digits !== "" && Number.isSafeInteger(mib)) return mib;
  throw wrong("memory", text, "a whole number of MiB, or with k, m, g or t behind it, such as 512 or 2g");
}

/** @throws PvhError USAGE */
export function parseCount(field: string, text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw wrong(field, text, "a whole number");
}

function wrong(field: string, text: string, allowed: string): PvhError {
  const found = shown(text);
  return new PvhError("USAGE", `${field} is ${found}; it must be ${allowed}.`, { field, found, allowed });
}
