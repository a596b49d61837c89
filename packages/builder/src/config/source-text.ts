import { type ErrorCode, type ErrorDetails, PvhError } from "@pvh/errors";
import { printable, shown } from "./shown.ts";

/** Both counted from 1; columns are characters (code points), a tab is one. */
export interface Position {
  line: number;
  column: number;
}

/** A piece of a source text: offsets in UTF-16 units, `end` exclusive. */
export interface Place {
  source: SourceText;
  start: number;
  end: number;
}

/** Excerpts are cut to about this many characters around the caret. */
const EXCERPT_WIDTH = 100;

/** A config text that knows where its lines begin: a file, or one `key=value` argument. */
export class SourceText {
  readonly text: string;
  readonly kind: "file" | "argument";
  readonly name: string | undefined;
  #lineStarts: number[] | undefined;

  constructor(text: string, kind: "file" | "argument", name?: string) {
    this.text = text;
    this.kind = kind;
    this.name = name;
  }

  /** Line and column of an offset. Made on demand, because a column costs a walk along its line. */
  position(offset: number): Position {
    const line = this.line(offset);
    return { line, column: [...this.text.slice(this.#startOf(line), offset)].length + 1 };
  }

  line(offset: number): number {
    const starts = this.#starts();
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  }

  /** Two lines: the line of `offset` and a caret below the character. A long line is cut around the caret. */
  excerpt(offset: number): string {
    const start = this.#startOf(this.line(offset));
    const newline = this.text.indexOf("\n", start);
    const end = newline < 0 ? this.text.length : newline;
    let from = start;
    let to = end;
    if (end - start > EXCERPT_WIDTH) {
      from = Math.max(start, Math.min(offset - EXCERPT_WIDTH / 2, end - EXCERPT_WIDTH));
      to = Math.min(end, from + EXCERPT_WIDTH);
    }
    const head = from > start ? "..." : "";
    const tail = to < end ? "..." : "";
    const before = printable(this.text.slice(from, offset));
    const after = printable(this.text.slice(Math.max(from, offset), to).trimEnd());
    const padding = [...head, ...before].map((char) => (char === "\t" ? "\t" : " ")).join("");
    return `${head}${before}${after}${tail}\n${padding}^`;
  }

  /** How a message names a position: `guest.cfg, line 3, column 8`. */
  describe({ line, column }: Position): string {
    if (this.kind === "argument") return `argument ${shown(this.text)}, column ${column}`;
    const where = `line ${line}, column ${column}`;
    return this.name === undefined ? where : `${this.name}, ${where}`;
  }

  #startOf(line: number): number {
    return this.#starts()[line - 1] ?? 0;
  }

  #starts(): number[] {
    if (this.#lineStarts === undefined) {
      this.#lineStarts = [0];
      for (let at = this.text.indexOf("\n"); at >= 0; at = this.text.indexOf("\n", at + 1)) {
        this.#lineStarts.push(at + 1);
      }
    }
    return this.#lineStarts;
  }
}

/** An error that points at a place; `sentence` begins in lower case, because the position stands before it. */
export function errorAt(
  code: ErrorCode,
  place: Place,
  sentence: string,
  details: ErrorDetails = {},
): PvhError {
  const { source, start } = place;
  const position = source.position(start);
  return new PvhError(code, `${source.describe(position)}: ${sentence}`, {
    ...details,
    ...position,
    excerpt: source.excerpt(start),
  });
}

export function syntaxError(place: Place, sentence: string, found: string, allowed: string): PvhError {
  return errorAt("CONFIG_SYNTAX", place, sentence, { found, allowed });
}
