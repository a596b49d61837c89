import { XENSTORE_PAYLOAD_MAX } from "@pvh/abi";
import { shown } from "@pvh/errors";
import { isByteText } from "./byte-text.ts";
import { XenStoreError } from "./error.ts";

/** Bytes of an absolute path (XENSTORE_ABS_PATH_MAX of public/io/xs_wire.h). */
const ABSOLUTE_PATH_MAX = 3072;

export interface StoreRequest {
  type: number;
  /** What is asked for, for messages: `read`. */
  verb: string;
  /** What it is about, for messages: a path, or a domain's id. */
  subject?: string | number;
  /** Each goes with a NUL behind it. */
  strings: readonly string[];
  /** Bytes at the end, as they are. */
  data?: string;
  /** 0 outside a transaction. */
  transactionId?: number;
}

/** How the answer to a request is understood. */
export interface Answer<T> {
  /** @throws XenStoreError for what no xenstored replies; it ends the connection. */
  parse(payload: string): T;
  /** Results in the place of errors, by their names. */
  instead?: Readonly<Record<string, T>>;
}

/** Sends at once; what comes back settles the promise. */
export type SendRequest = <T>(request: StoreRequest, answer: Answer<T>) => Promise<T>;

/** `write "/tool"` */
export function describe({ verb, subject }: StoreRequest): string {
  if (subject === undefined) return verb;
  return `${verb} ${typeof subject === "string" ? shown(subject) : subject}`;
}

/**
 * The bytes of the request's payload. What xenstored would misunderstand, or end the connection for, does not go out:
 * one bad path must not cost all other calls their answers.
 *
 * @throws XenStoreError
 */
export function payloadOf(request: StoreRequest): string {
  const { strings, data = "" } = request;
  for (const text of strings) {
    if (text.includes("\0")) throw impossible(request, "a path cannot have a NUL");
    if (text.length > ABSOLUTE_PATH_MAX) {
      throw impossible(request, `a path has ${ABSOLUTE_PATH_MAX} bytes at most`);
    }
  }
  const payload = strings.map((text) => `${text}\0`).join("") + data;
  if (!isByteText(payload)) {
    throw impossible(request, "paths and values are bytes, so other text has to be made UTF-8 first");
  }
  if (payload.length > XENSTORE_PAYLOAD_MAX) {
    throw impossible(
      request,
      `path and value have ${payload.length} bytes together, and ${XENSTORE_PAYLOAD_MAX} is the most`,
    );
  }
  return payload;
}

function impossible(request: StoreRequest, why: string): XenStoreError {
  return new XenStoreError(`XenStore cannot be asked to ${describe(request)}: ${why}.`);
}
