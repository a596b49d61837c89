import { type ErrorCode, errorCodes } from "./registry.ts";

/** What a rejection is about, as data. Each part is present when it makes sense for the error. */
export interface ErrorDetails {
  /** The offending field in the field's own notation: `e_phoff`, `memory`, `kernel`, `notes[3].descsz`. */
  field?: string;
  /** Byte offset in the file or structure that was read. */
  offset?: number;
  /** What stood there. */
  found?: string | number | bigint;
  /** What would have been right. */
  allowed?: string | number | bigint;
  /** Position in a text, both counted from 1. */
  line?: number;
  column?: number;
  /** The offending line of a text with a caret below it. */
  excerpt?: string;
  cause?: unknown;
}

/**
 * The error of this project: a stable code, one sentence for people, and what it is about as data.
 *
 * The message is a whole sentence without the cause's text: printers walk the `cause` chain themselves.
 */
export class PvhError extends Error {
  override readonly name = "PvhError";
  readonly code: ErrorCode;
  readonly details: Readonly<Omit<ErrorDetails, "cause">>;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    const { cause, ...rest } = details;
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.details = rest;
  }

  get status(): number {
    return errorCodes[this.code].status;
  }
}

/** Hexadecimal as every message prints addresses and offsets. */
export function hex(value: number | bigint): string {
  return value < 0 ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}
