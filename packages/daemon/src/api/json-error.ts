import { PvhError } from "@pvh/errors";

const space = /[ \t\n\r]*/y;
const string = /"(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const word = /true|false|null/y;

/**
 * Where a text stops being JSON: the offset of the first token that cannot stand there, or `text.length` when more was
 * expected; undefined for valid JSON. `JSON.parse` itself names the place only in some of its messages.
 */
export function jsonErrorOffset(text: string): number | undefined {
  let at = 0;
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found === null) return false;
    at += found[0].length;
    return true;
  };
  const takeChar = (char: string): boolean => {
    take(space);
    if (text[at] !== char) return false;
    at++;
    return true;
  };
  const takeKey = (): boolean => {
    take(space);
    return take(string) && takeChar(":");
  };

  /** Closing characters of what is open. */
  const open: string[] = [];
  for (;;) {
    take(space);
    if (takeChar("{")) {
      if (!takeChar("}")) {
        open.push("}");
        if (!takeKey()) return at;
        continue;
      }
    } else if (takeChar("[")) {
      if (!takeChar("]")) {
        open.push("]");
        continue;
      }
    } else if (!(take(string) || take(number) || take(word))) {
      return at;
    }
    // A value is complete: close what it completes, or go on to the next one.
    for (;;) {
      const close = open.at(-1);
      if (close === undefined) {
        take(space);
        return at === text.length ? undefined : at;
      }
      if (takeChar(",")) {
        if (close === "}" && !takeKey()) return at;
        break;
      }
      if (!takeChar(close)) return at;
      open.pop();
    }
  }
}

/** Parses a request body; REQUEST_INVALID names offset, line and column of what is wrong. */
export function parseJson(bytes: Uint8Array): unknown {
  const text = decode(bytes);
  try {
    return JSON.parse(text);
  } catch {
    const index = jsonErrorOffset(text) ?? text.length;
    const before = text.slice(0, index);
    const offset = new TextEncoder().encode(before).length;
    const line = before.split("\n").length;
    const column = index - before.lastIndexOf("\n");
    const found =
      index === text.length ? "the end of the body" : JSON.stringify(text.slice(index, index + 16));
    throw new PvhError(
      "REQUEST_INVALID",
      `The body is not valid JSON: at offset ${offset} (line ${line}, column ${column}) stands ${found}, which cannot follow what comes before.`,
      { field: "body", offset, line, column, found },
    );
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new PvhError("REQUEST_INVALID", "The body is not valid UTF-8; JSON is sent as UTF-8.", {
      field: "body",
      cause,
    });
  }
}
