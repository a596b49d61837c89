import { LIBXL_RECORD, LIBXL_STREAM, streamRecord } from "@pvh/abi";
import { libxcStream } from "./libxc-stream.ts";
import { damaged, endsEarly, notSaved, otherVersion } from "./problems.ts";
import { recordAt, refuseUnknown } from "./records.ts";
import type { SavedSource } from "./source.ts";

/** Bytes between the head of a file and libxenguest's stream: libxl's header and the record that announces the other one. */
export const STREAM_HEAD_SIZE = LIBXL_STREAM.headerSize + streamRecord.size;

/** What stands before libxenguest's stream. */
export function encodeStreamHead(): Uint8Array {
  const bytes = new Uint8Array(STREAM_HEAD_SIZE);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, LIBXL_STREAM.ident);
  view.setUint32(8, LIBXL_STREAM.version);
  streamRecord.writeTo(bytes, LIBXL_STREAM.headerSize, { type: LIBXL_RECORD.LIBXC_CONTEXT, length: 0 });
  return bytes;
}

/** And what stands behind it. */
export function encodeStreamEnd(): Uint8Array {
  return streamRecord.encode({ type: LIBXL_RECORD.END, length: 0 });
}

/** What is known of a stream that is right. */
export interface CheckedStream {
  /** Where libxenguest's own begins. */
  start: number;
  /** Of the guest's memory. */
  pages: number;
}

/**
 * Walks over libxl's stream and libxenguest's in it, to their ends, so that no domain is made for what cannot become one:
 * libxenguest reads what it gets, with the rights of this process.
 *
 * @param start where libxl's stream begins
 * @param frames the guest's memory ends before this one
 * @throws PvhError SAVED_FORMAT, SAVED_TRUNCATED or SAVED_VERSION
 */
export function checkStream(source: SavedSource, start: number, frames: number): CheckedStream {
  let found: CheckedStream | undefined;
  for (let at = readLibxlHeader(source, start); ; ) {
    const { type, offset, end } = recordAt(source, at, "stream of libxl");
    at = end;
    if (type === LIBXL_RECORD.END) {
      if (found === undefined) throw damaged("it has no memory of the domain", offset);
      return found;
    }
    if (type === LIBXL_RECORD.LIBXC_CONTEXT) {
      if (found !== undefined) throw damaged("it has the domain's memory twice", offset);
      const libxc = checkLibxcStream(source, end, frames);
      found = { start: end, pages: libxc.pages };
      at = libxc.end;
    } else if (type === LIBXL_RECORD.EMULATOR_XENSTORE_DATA || type === LIBXL_RECORD.EMULATOR_CONTEXT) {
      throw notSaved("has the state of a device model, which no PVH guest has", { offset });
    } else {
      refuseUnknown(type, offset, "libxl");
    }
  }
}

function readLibxlHeader(source: SavedSource, start: number): number {
  const bytes = source.read(start, LIBXL_STREAM.headerSize);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getBigUint64(0) !== LIBXL_STREAM.ident) throw damaged("it has no stream of libxl", start);
  const version = view.getUint32(8);
  if (version !== LIBXL_STREAM.version) {
    throw otherVersion(
      `has version ${version} of libxl's stream; version ${LIBXL_STREAM.version} is read here`,
      {
        found: version,
        allowed: LIBXL_STREAM.version,
      },
    );
  }
  if ((view.getUint32(12) & LIBXL_STREAM.options.BIG_ENDIAN) !== 0) throw damaged("it is big-endian", start);
  return start + LIBXL_STREAM.headerSize;
}

/** @returns where it ends, and how many pages it has */
function checkLibxcStream(
  source: SavedSource,
  start: number,
  frames: number,
): { end: number; pages: number } {
  const grammar = libxcStream(frames, start);
  let at = start;
  for (let step = grammar.next(); ; ) {
    if (step.done === true) return { end: at, pages: step.value.pages };
    const { bytes, seen } = step.value;
    if (at + bytes > source.size) throw endsEarly("stream of libxenguest", at, source.size);
    const piece = seen ? source.read(at, bytes) : NOTHING;
    at += bytes;
    step = grammar.next(piece);
  }
}

const NOTHING = new Uint8Array();
