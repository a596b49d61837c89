import { STREAM_RECORD_OPTIONAL, streamRecord } from "@pvh/abi";
import { endsEarly, otherVersion } from "./problems.ts";
import type { SavedSource } from "./source.ts";

/** A record of libxl's or libxenguest's stream, of which all is there. */
export interface StreamRecord {
  type: number;
  /** Of its head. */
  offset: number;
  body: number;
  /** Bytes of its body without the padding. */
  length: number;
  /** Where the next one begins. */
  end: number;
}

/**
 * @param what for the message: `stream of libxl`
 * @throws PvhError SAVED_TRUNCATED
 */
export function recordAt(source: SavedSource, offset: number, what: string): StreamRecord {
  const body = offset + streamRecord.size;
  if (body > source.size) throw endsEarly(what, offset, source.size);
  const { type, length } = streamRecord.decode(source.read(offset, streamRecord.size));
  const end = body + Math.ceil(length / 8) * 8;
  if (end > source.size) throw endsEarly(what, offset, source.size);
  return { type, offset, body, length, end };
}

/** @throws PvhError SAVED_VERSION for a record that may not be skipped */
export function refuseUnknown(type: number, offset: number, whose: string): void {
  if (type >= STREAM_RECORD_OPTIONAL) return;
  throw otherVersion(
    `has a record of ${whose} of type ${type}, which is not read here; the tool that wrote it may restore it`,
    { offset, found: type },
  );
}
