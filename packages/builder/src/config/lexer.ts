import { type Place, type SourceText, syntaxError } from "./source-text.ts";
import { readString } from "./string-literal.ts";

/**
 * `word` is any run of characters that is no other token: whether it is a key, a number or a mistake depends on where
 * it stands, so the parser judges it and can say what should have been written.
 */
export type TokenKind = "word" | "string" | "newline" | ";" | "=" | "+=" | "[" | "]" | "," | "end";

export interface Token {
  kind: TokenKind;
  /** A string's value with its escapes resolved; otherwise the characters of the token. */
  text: string;
  place: Place;
}

const blanks = /[ \t]*/y;
const comment = /(?:#[^\r\n]*)?/y;
const word = /(?:[^ \t\r\n#;,[\]="'+]|\+(?!=))+/y;
const punctuation = new Set(["=", "[", "]", ",", ";"]);

function isPunctuation(char: string): char is "=" | "[" | "]" | "," | ";" {
  return punctuation.has(char);
}

/** Splits an xl.cfg text into tokens, one at a time. Comments and blanks vanish; a CR before LF is a blank. */
export class Lexer {
  readonly source: SourceText;
  #at: number;

  constructor(source: SourceText, start = 0) {
    this.source = source;
    this.#at = start;
  }

  next(): Token {
    const { text } = this.source;
    blanks.lastIndex = this.#at;
    blanks.test(text);
    const start = blanks.lastIndex;
    comment.lastIndex = start;
    comment.test(text);
    const at = comment.lastIndex;
    const char = text.charAt(at);

    if (char === "" || char === "\n") return this.#lineEnd(start, at);
    if (char === "\r") {
      if (text.charAt(at + 1) === "\n") return this.#lineEnd(start, at + 1);
      throw syntaxError(
        { source: this.source, start: at, end: at + 1 },
        "a carriage return stands here without the line feed that ends a line; save the file with LF or CRLF line ends",
        "U+000D",
        "LF or CRLF line ends",
      );
    }
    if (char === '"' || char === "'") {
      const { value, end } = readString(this.source, start);
      return { ...this.#token("string", start, end), text: value };
    }
    if (text.startsWith("+=", start)) return this.#token("+=", start, start + 2);
    if (isPunctuation(char)) return this.#token(char, start, start + 1);

    word.lastIndex = start;
    word.test(text);
    return this.#token("word", start, word.lastIndex);
  }

  /** The next token without taking it. */
  peek(): Token {
    const at = this.#at;
    const token = this.next();
    this.#at = at;
    return token;
  }

  /** A line that ends at `end`; `start` is where its comment begins, the place that messages point at. */
  #lineEnd(start: number, end: number): Token {
    const isLast = end === this.source.text.length;
    return this.#token(isLast ? "end" : "newline", start, isLast ? end : end + 1);
  }

  #token(kind: TokenKind, start: number, end: number): Token {
    this.#at = end;
    return { kind, text: this.source.text.slice(start, end), place: { source: this.source, start, end } };
  }
}
