import { sha256 } from "../decompress/sha256.ts";

/** Ethernet address in the form that everything else uses: `00:16:3e:0a:0b:0c`. Undefined for what is none. */
export function canonicalMac(text: string): string | undefined {
  if (!/^[0-9a-fA-F]{1,2}(?:[:-][0-9a-fA-F]{1,2}){5}$/.test(text)) return undefined;
  return text
    .toLowerCase()
    .split(/[:-]/)
    .map((byte) => byte.padStart(2, "0"))
    .join(":");
}

/** Why an interface cannot have this canonical address; undefined when it can. */
export function uselessMac(mac: string): string | undefined {
  if (mac === "00:00:00:00:00:00") return "the address of nobody";
  const first = Number.parseInt(mac.slice(0, 2), 16);
  return (first & 1) === 1 ? "a group address" : undefined;
}

/**
 * The address of an interface whose config gives none: the same whenever the domain with this uuid starts, in Xen's
 * range 00:16:3e, with the fourth byte below 0x80 as libxl has it.
 */
export function defaultMac(uuid: string, devid: number): string {
  const seed = new TextEncoder().encode(`${uuid.toLowerCase()} vif ${devid}`);
  const [a = 0, b = 0, c = 0] = sha256(seed);
  return [0x00, 0x16, 0x3e, a & 0x7f, b, c].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}
