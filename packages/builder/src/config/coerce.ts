import type { KeyInfo } from "./key.ts";
import type { ValueNode } from "./parser.ts";
import { shown } from "./shown.ts";

/** Either the value, or the sentence that says why it does not fit the key. */
export type Coerced = { value: unknown } | { sentence: string; found: string };

/** strtol with base 0: decimal, 0x hexadecimal, leading 0 octal. */
const integer = /^(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/;

/**
 * The value of a key in an xl.cfg text. As in xl a text that holds a number serves as a number and a number as a text,
 * and a boolean is a number. What xl treats as absent (a list for an atom) or misreads is refused.
 */
export function coerceValue(key: string, info: KeyInfo, node: ValueNode): Coerced {
  if (info.type === "list") return toList(key, node);
  if (info.type === "string or list") return { value: plainValue(node) };
  if (node.kind === "list") {
    const found = shown(node.items);
    return { sentence: `${key} is ${found}; it must be ${info.allowed}`, found };
  }
  switch (info.type) {
    case "string":
      return { value: node.text };
    case "integer":
      return toInteger(key, info, node.text);
    case "boolean":
      return toBoolean(key, node.text);
  }
}

/** A value as it stands, for keys of which nothing is known. */
export function plainValue(node: ValueNode): unknown {
  return node.kind === "list" ? node.items.map(plainValue) : node.text;
}

function toList(key: string, node: ValueNode): Coerced {
  if (node.kind === "list") return { value: node.items.map(plainValue) };
  const found = shown(node.text);
  return { sentence: `${key} is ${found}, one text; it must be a list: ${key} = [${found}]`, found };
}

function toInteger(key: string, info: KeyInfo, text: string): Coerced {
  const found = shown(text);
  if (/^0[0-9]+$/.test(text) && !integer.test(text)) {
    return {
      sentence: `${key} is ${found}; numbers that begin with 0 are octal, so 8 and 9 cannot stand there`,
      found,
    };
  }
  const number = numberOf(text);
  if (number === undefined) return { sentence: `${key} is ${found}; it must be ${info.allowed}`, found };
  return { value: number };
}

function toBoolean(key: string, text: string): Coerced {
  const number = numberOf(text);
  if (number !== undefined) return { value: number !== 0 };
  const found = shown(text);
  return { sentence: `${key} is ${found}; it must be 1 for yes or 0 for no`, found };
}

/** Numbers beyond 2^53 lose digits, which no key cares about: every one of them is out of its range. */
function numberOf(text: string): number | undefined {
  if (text.length > 64 || !integer.test(text)) return undefined;
  return /^0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number(text);
}
