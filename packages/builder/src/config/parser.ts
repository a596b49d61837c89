import { Lexer, type Token } from "./lexer.ts";
import { keyError, tokenName, wordValueError } from "./parse-mistakes.ts";
import { type Place, SourceText, syntaxError } from "./source-text.ts";

/** Longest config text that is read, in characters. */
export const MAX_CONFIG_LENGTH = 1024 * 1024;

/** How deep lists may nest. xl's own keys need three. */
export const MAX_LIST_DEPTH = 32;

export type ValueNode =
  /** `text` has its escapes resolved. */
  | { kind: "string"; text: string; place: Place }
  /** `text` as written: whether it is a number that fits is decided when a key asks for one, as in xl. */
  | { kind: "number"; text: string; place: Place }
  | { kind: "list"; items: ValueNode[]; place: Place };

export interface Assignment {
  key: string;
  keyPlace: Place;
  operator: "=" | "+=";
  value: ValueNode;
}

/** A syntax tree. Places are offsets; `place.source.position(offset)` gives line and column. */
export interface ConfigFile {
  source: SourceText;
  assignments: Assignment[];
}

/** xl's NUMBER token. */
const number = /^[0-9][0-9a-fx]*$/;

/**
 * Parses an xl.cfg text without judging keys and values.
 *
 * @throws PvhError CONFIG_SYNTAX with line, column, excerpt, found and allowed, for the first mistake.
 */
export function parseConfigText(text: string, filename?: string): ConfigFile {
  const source = sourceOf(text.startsWith("\ufeff") ? text.slice(1) : text, "file", filename);
  const lexer = new Lexer(source);
  const assignments: Assignment[] = [];
  while (true) {
    const token = lexer.next();
    if (token.kind === "end") return { source, assignments };
    if (token.kind === "newline" || token.kind === ";") continue;
    assignments.push(parseAssignment(lexer, token));
  }
}

/** A source text of bounded length. */
export function sourceOf(text: string, kind: "file" | "argument", name?: string): SourceText {
  const source = new SourceText(text, kind, name);
  if (text.length <= MAX_CONFIG_LENGTH) return source;
  throw syntaxError(
    { source, start: MAX_CONFIG_LENGTH, end: text.length },
    `the config is ${text.length} characters long; at most ${MAX_CONFIG_LENGTH} are read`,
    `${text.length} characters`,
    `${MAX_CONFIG_LENGTH} characters`,
  );
}

function parseAssignment(lexer: Lexer, keyToken: Token): Assignment {
  const key = parseKey(keyToken);
  const operator = lexer.next();
  if (operator.kind !== "=" && operator.kind !== "+=") {
    const found = tokenName(operator);
    throw syntaxError(operator.place, `after the key ${key} stands ${found}, not =`, found, "= or +=");
  }
  const value = parseValue(lexer, lexer.next(), { key, depth: 0 });
  expectEnd(lexer, value);
  return { key, keyPlace: keyToken.place, operator: operator.kind, value };
}

/** The key that `token` is, or an error that shows how a key is written. */
export function parseKey(token: Token): string {
  if (token.kind === "word" && /^[a-z][a-z0-9._]*$/.test(token.text)) return token.text;
  throw keyError(token);
}

/** One value of an argument, from `start` to the end of the argument. */
export function parseWholeValue(source: SourceText, start: number, key: string): ValueNode {
  const lexer = new Lexer(source, start);
  const value = parseValue(lexer, lexer.next(), { key, depth: 0 });
  const rest = lexer.next();
  if (rest.kind === "end") return value;
  const found = tokenName(rest);
  throw syntaxError(
    rest.place,
    `the value of ${key} is over, but ${found} follows; a text that itself begins with a quote or bracket must be quoted as a whole`,
    found,
    "the end of the argument",
  );
}

function expectEnd(lexer: Lexer, value: ValueNode): void {
  const token = lexer.next();
  if (token.kind === "end" || token.kind === "newline" || token.kind === ";") return;
  const found = tokenName(token);
  const hint = token.kind === "," ? "; several values are a list and need brackets" : "";
  throw syntaxError(
    token.place,
    `the ${value.kind === "list" ? "list" : "value"} is over, but ${found} follows on the same line${hint}`,
    found,
    "the end of the line, or ; before another key",
  );
}

interface ValueContext {
  key: string;
  /** How many lists are open around the value. */
  depth: number;
  /** The bracket of the innermost one. */
  bracket?: Token;
}

function parseValue(lexer: Lexer, token: Token, context: ValueContext): ValueNode {
  switch (token.kind) {
    case "string":
      return { kind: "string", text: token.text, place: token.place };
    case "[":
      return parseList(lexer, token, context);
    case "word":
      if (number.test(token.text)) return { kind: "number", text: token.text, place: token.place };
      if (context.bracket !== undefined && lexer.peek().kind === "=") {
        throw unclosed(context.bracket, token, context.key);
      }
      throw wordValueError(token, context);
    default: {
      if (context.bracket !== undefined && token.kind === "end") {
        throw unclosed(context.bracket, token, context.key);
      }
      const found = tokenName(token);
      const hint = token.kind === "newline" ? "; it must begin on the same line as the key" : "";
      throw syntaxError(
        token.place,
        `${found} stands where a value of ${context.key} must be${hint}`,
        found,
        'a text in quotes, a number, or a list: "...", 64, ["...", "..."]',
      );
    }
  }
}

function parseList(lexer: Lexer, bracket: Token, { key, depth }: ValueContext): ValueNode {
  if (depth === MAX_LIST_DEPTH) {
    throw syntaxError(
      bracket.place,
      `lists are nested more than ${MAX_LIST_DEPTH} deep`,
      `depth ${depth + 1}`,
      `depth ${MAX_LIST_DEPTH}`,
    );
  }
  const context = { key, depth: depth + 1, bracket };
  const items: ValueNode[] = [];
  let token = nextInList(lexer);
  while (token.kind !== "]") {
    items.push(parseValue(lexer, token, context));
    token = nextInList(lexer);
    if (token.kind === ",") token = nextInList(lexer);
    else if (token.kind !== "]") throw notSeparated(lexer, bracket, token, key);
  }
  return { kind: "list", items, place: { ...bracket.place, end: token.place.end } };
}

function nextInList(lexer: Lexer): Token {
  while (true) {
    const token = lexer.next();
    if (token.kind !== "newline") return token;
  }
}

function notSeparated(lexer: Lexer, bracket: Token, token: Token, key: string): Error {
  const nextKey = token.kind === "word" && lexer.peek().kind === "=";
  if (token.kind === "end" || nextKey) return unclosed(bracket, token, key);
  const found = tokenName(token);
  return syntaxError(
    token.place,
    `in the list of ${key}, ${found} follows a value without a comma between them`,
    found,
    ", or ]",
  );
}

function unclosed(bracket: Token, token: Token, key: string): Error {
  return syntaxError(
    bracket.place,
    `the list of ${key} that opens here is never closed`,
    tokenName(token),
    "] after the last value",
  );
}
