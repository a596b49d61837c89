import {
  LIBXC_DOMAIN_TYPE,
  LIBXC_IMAGE,
  LIBXC_RECORD,
  LIBXC_RECORD_MAX,
  libxcDomainHeader,
  streamRecord,
} from "@pvh/abi";
import { pageData } from "./page-data.ts";
import { damaged, notSaved, otherVersion } from "./problems.ts";
import { refuseUnknown } from "./records.ts";

/** So many bytes of a stream, which are looked at or only passed over. */
export interface Piece {
  bytes: number;
  seen: boolean;
}

/**
 * The form of libxenguest's stream, whether it lies in a file or is just coming in: takes one piece after the other, all of
 * it, and judges what it sees.
 *
 * @param frames the guest's memory ends before this one
 * @param start where it begins, for messages
 * @throws PvhError SAVED_FORMAT or SAVED_VERSION
 */
export function* libxcStream(frames: number, start = 0): Generator<Piece, { pages: number }, Uint8Array> {
  let pages = 0;
  const version = imageVersion(yield { bytes: LIBXC_IMAGE.headerSize, seen: true }, start);
  const domain = start + LIBXC_IMAGE.headerSize;
  refuseOtherDomain(yield { bytes: libxcDomainHeader.size, seen: true }, domain);
  const needed = neededRecords(version);
  for (let offset = domain + libxcDomainHeader.size; ; ) {
    const { type, length } = streamRecord.decode(yield { bytes: streamRecord.size, seen: true });
    if (length > LIBXC_RECORD_MAX) throw damaged(`a record has ${length} bytes`, offset, { found: length });
    needed.delete(type);
    let rest = Math.ceil(length / 8) * 8;
    const next = offset + streamRecord.size + rest;
    if (type === LIBXC_RECORD.PAGE_DATA) {
      const found = yield* pageData(offset, length, frames);
      pages += found.pages;
      rest -= found.taken;
    } else if (!known.has(type)) refuseUnknown(type, offset, "libxenguest");
    if (rest > 0) yield { bytes: rest, seen: false };
    if (type !== LIBXC_RECORD.END) {
      offset = next;
      continue;
    }
    const [missing] = needed.values();
    if (missing !== undefined) throw damaged(`it has no ${missing}`, offset);
    return { pages };
  }
}

/** Those that a PVH guest has. */
const known: ReadonlySet<number> = new Set(Object.values(LIBXC_RECORD));

function neededRecords(version: number): Map<number, string> {
  return new Map([
    ...(version < 3 ? [] : [[LIBXC_RECORD.STATIC_DATA_END, "end of its static data"] as const]),
    [LIBXC_RECORD.PAGE_DATA, "memory"],
    [LIBXC_RECORD.HVM_CONTEXT, "vCPUs"],
    [LIBXC_RECORD.HVM_PARAMS, "parameters"],
  ]);
}

function imageVersion(header: Uint8Array, start: number): number {
  const view = new DataView(header.buffer, header.byteOffset, header.length);
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
  return version;
}

function refuseOtherDomain(header: Uint8Array, at: number): void {
  const { type, page_shift } = libxcDomainHeader.decode(header);
  if (type !== LIBXC_DOMAIN_TYPE.X86_HVM) {
    throw notSaved(type === LIBXC_DOMAIN_TYPE.X86_PV ? "has a PV domain" : `has a domain of type ${type}`);
  }
  if (page_shift !== 12) throw damaged(`its pages have 2^${page_shift} bytes`, at);
}
