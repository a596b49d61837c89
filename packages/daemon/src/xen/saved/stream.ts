import {
  LIBXC_DOMAIN_TYPE,
  LIBXC_IMAGE,
  LIBXC_RECORD,
  LIBXC_RECORD_MAX,
  LIBXL_RECORD,
  LIBXL_STREAM,
  libxcDomainHeader,
  STREAM_RECORD_OPTIONAL,
  streamRecord,
} from "@pvh/abi";
import { checkPageData } from "./page-data.ts";
import { damaged, notSaved, otherVersion } from "./problems.ts";
import { recordAt } from "./records.ts";
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
  const view = viewOf(source.read(start, LIBXL_STREAM.headerSize));
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

function checkLibxcStream(
  source: SavedSource,
  start: number,
  frames: number,
): { end: number; pages: number } {
  let pages = 0;
  const version = readLibxcHeader(source, start);
  const needed = new Map<number, string>([
    ...(version < 3 ? [] : [[LIBXC_RECORD.STATIC_DATA_END, "end of its static data"] as const]),
    [LIBXC_RECORD.PAGE_DATA, "memory"],
    [LIBXC_RECORD.HVM_CONTEXT, "vCPUs"],
    [LIBXC_RECORD.HVM_PARAMS, "parameters"],
  ]);
  for (let at = start + LIBXC_IMAGE.headerSize + libxcDomainHeader.size; ; ) {
    const record = recordAt(source, at, "stream of libxenguest");
    const { type, offset, length, end } = record;
    if (length > LIBXC_RECORD_MAX) throw damaged(`a record has ${length} bytes`, offset, { found: length });
    needed.delete(type);
    if (type === LIBXC_RECORD.PAGE_DATA) pages += checkPageData(source, record, frames);
    else if (!known.has(type)) refuseUnknown(type, offset, "libxenguest");
    at = end;
    if (type !== LIBXC_RECORD.END) continue;
    const [missing] = needed.values();
    if (missing !== undefined) throw damaged(`it has no ${missing}`, offset);
    return { end, pages };
  }
}

/** Those that a PVH guest has. */
const known: ReadonlySet<number> = new Set(Object.values(LIBXC_RECORD));

function readLibxcHeader(source: SavedSource, start: number): number {
  const view = viewOf(source.read(start, LIBXC_IMAGE.headerSize));
  if (view.getBigUint64(0) !== LIBXC_IMAGE.marker || view.getUint32(8) !== LIBXC_IMAGE.id) {
    throw damaged("it has no stream of libxenguest", start);
  }
  const version = view.getUint32(12);
  if (!LIBXC_IMAGE.versions.some((one) => one === version)) {
    const allowed = LIBXC_IMAGE.versions.join(" and ");
    throw otherVersion(`has version ${version} of libxenguest's stream; ${allowed} are read here`, {
      found: version,
      allowed,
    });
  }
  if ((view.getUint16(16) & LIBXC_IMAGE.options.BIG_ENDIAN) !== 0) throw damaged("it is big-endian", start);
  const at = start + LIBXC_IMAGE.headerSize;
  const { type, page_shift } = libxcDomainHeader.decode(source.read(at, libxcDomainHeader.size));
  if (type !== LIBXC_DOMAIN_TYPE.X86_HVM) {
    throw notSaved(type === LIBXC_DOMAIN_TYPE.X86_PV ? "has a PV domain" : `has a domain of type ${type}`);
  }
  if (page_shift !== 12) throw damaged(`its pages have 2^${page_shift} bytes`, at);
  return version;
}

function refuseUnknown(type: number, offset: number, whose: string): void {
  if (type >= STREAM_RECORD_OPTIONAL) return;
  throw otherVersion(
    `has a record of ${whose} of type ${type}, which is not read here; the tool that wrote it may restore it`,
    { offset, found: type },
  );
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
