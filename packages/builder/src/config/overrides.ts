import { Lexer } from "./lexer.ts";
import { type Assignment, parseKey, parseWholeValue, sourceOf, type ValueNode } from "./parser.ts";
import { shown } from "./shown.ts";
import { syntaxError } from "./source-text.ts";

/**
 * Reads one `key=value` (or `key+=value`) argument of a command line.
 *
 * A value that begins with a quote or a bracket is xl.cfg text, as xl wants it. Any other value is taken as it
 * stands, because shells eat quotes: `name=web` and `'name="web"'` mean the same. With `=` blanks around a bare value
 * are dropped; with `+=` they belong to it, as in `'extra+= quiet'`.
 */
export function parseOverride(argument: string): Assignment {
  const source = sourceOf(argument, "argument");
  const lexer = new Lexer(source);
  const keyToken = lexer.next();
  if (keyToken.kind === "end" || !argument.includes("=")) {
    throw syntaxError(
      { source, start: 0, end: argument.length },
      "an argument after the file must be key=value",
      shown(argument),
      "key=value, as in memory=64",
    );
  }
  const key = parseKey(keyToken);
  const operator = lexer.next();
  if (operator.kind !== "=" && operator.kind !== "+=") {
    const found = shown(operator.text);
    throw syntaxError(operator.place, `after the key ${key} stands ${found}, not =`, found, "= or +=");
  }

  const start = operator.place.end;
  const bare = argument.slice(start);
  const isSyntax = /^[ \t]*["'[]/.test(bare);
  const value: ValueNode = isSyntax
    ? parseWholeValue(source, start, key)
    : {
        kind: "string",
        text: operator.kind === "=" ? bare.trim() : bare,
        place: { source, start: start + (bare.length - bare.trimStart().length), end: argument.length },
      };
  return { key, keyPlace: keyToken.place, operator: operator.kind, value };
}
