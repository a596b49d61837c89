import { addressOf } from "./libc.ts";

/** What is changed of one leaf of a domain's CPUID policy. */
export interface CpuidChange {
  leaf: number;
  /** 0xffffffff for leaves that have none. */
  subleaf: number;
  /** EAX, EBX, ECX, EDX: 32 characters, bit 31 first; null leaves the register as it is. */
  policy: readonly (string | null)[];
}

/** `struct xc_xend_cpuid`: leaf and subleaf, then four pointers to the texts. */
const ENTRY = 40;
/** 32 characters and a NUL, so that pointers stay aligned. */
const TEXT = 40;
const REGISTERS = 4;
/** The leaf that ends the array. */
const END = 0xffffffff;

/** The array with all that it points to, in one piece of memory that must live as long as it is used. */
export function cpuidArray(changes: readonly CpuidChange[]): Uint8Array {
  const texts = (changes.length + 1) * ENTRY;
  const bytes = new Uint8Array(texts + changes.length * REGISTERS * TEXT);
  const view = new DataView(bytes.buffer);
  const base = addressOf(bytes);
  changes.forEach(({ leaf, subleaf, policy }, i) => {
    view.setUint32(i * ENTRY, leaf, true);
    view.setUint32(i * ENTRY + 4, subleaf, true);
    policy.forEach((text, register) => {
      if (text === null) return;
      const at = texts + (i * REGISTERS + register) * TEXT;
      bytes.set(new TextEncoder().encode(text), at);
      view.setBigUint64(i * ENTRY + 8 + register * 8, base + BigInt(at), true);
    });
  });
  view.setUint32(changes.length * ENTRY, END, true);
  return bytes;
}
