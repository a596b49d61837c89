import { XL_SAVE_BYTE_ORDER, XL_SAVE_MAGIC, XL_SAVE_MANDATORY, xlSaveHeader } from "@pvh/abi";
import { endsEarly, notSaved, otherVersion } from "./problems.ts";
import type { SavedSource } from "./source.ts";

/** What stands before the streams: libxl's config of the domain, and behind it pvhd's own, which xl skips. */
export interface SavedTexts {
  /** JSON of a libxl_domain_config. */
  libxl: string;
  /** JSON of what {@link import("./own-data.ts").OwnData} says; absent in what xl wrote. */
  own?: string;
}

/** Bytes: some hundred times what a config with all devices takes. */
const MAX_OPTIONAL_DATA = 8 << 20;
const LENGTH = 4;
const KNOWN = XL_SAVE_MANDATORY.CONFIG_IS_JSON | XL_SAVE_MANDATORY.STREAM_V2;

const encoder = new TextEncoder();

export function encodeHead({ libxl, own }: Required<SavedTexts>): Uint8Array {
  const parts = [sized(`${libxl}\0`), sized(own)];
  const header = xlSaveHeader.encode({
    magic: encoder.encode(XL_SAVE_MAGIC),
    byteorder: XL_SAVE_BYTE_ORDER,
    mandatory_flags: KNOWN,
    optional_data_len: parts.reduce((sum, { length }) => sum + length, 0),
  });
  return Buffer.concat([header, ...parts]);
}

/**
 * @returns the texts and where the streams begin
 * @throws PvhError SAVED_FORMAT, SAVED_TRUNCATED or SAVED_VERSION
 */
export function readHead(source: SavedSource): SavedTexts & { end: number } {
  // What is no saved domain is told so, however short it is.
  const start = source.read(0, Math.min(xlSaveHeader.size, source.size));
  if (!startsWith(start, encoder.encode(XL_SAVE_MAGIC))) throw notSaved("is not a saved domain");
  if (start.length < xlSaveHeader.size) throw endsEarly("header", 0, source.size);
  const { byteorder, mandatory_flags, optional_data_len } = xlSaveHeader.decode(start);
  if (byteorder !== XL_SAVE_BYTE_ORDER) throw notSaved("was saved by a machine of another byte order");
  requireFlags(mandatory_flags);
  if (optional_data_len > MAX_OPTIONAL_DATA) {
    throw notSaved(`says that its config has ${optional_data_len} bytes`, {
      found: optional_data_len,
      allowed: MAX_OPTIONAL_DATA,
    });
  }
  const end = xlSaveHeader.size + optional_data_len;
  if (end > source.size) throw endsEarly("config", xlSaveHeader.size, source.size);
  return { ...readTexts(source.read(xlSaveHeader.size, optional_data_len)), end };
}

function requireFlags(flags: number): void {
  const unknown = flags & ~KNOWN;
  if (unknown !== 0) {
    const found = `0x${(unknown >>> 0).toString(16)}`;
    throw otherVersion(`has the flags ${found}, which a newer tool has set; restore it with that tool`, {
      found,
      allowed: `0x${KNOWN.toString(16)}`,
    });
  }
  if (flags !== KNOWN)
    throw otherVersion("is in a format that xl wrote before Xen 4.6, which is not read here", {
      found: `0x${flags.toString(16)}`,
      allowed: `0x${KNOWN.toString(16)}`,
    });
}

/** Each text has its length before it. What follows is of whoever wrote it. */
function readTexts(data: Uint8Array): SavedTexts {
  const libxl = text(data, 0);
  if (libxl === undefined) throw notSaved("has no config of its domain");
  const own = text(data, LENGTH + libxl.length);
  const libxlText = decoded(libxl).replace(/\0+$/, "");
  return { libxl: libxlText, ...(own === undefined ? {} : { own: decoded(own) }) };
}

function text(data: Uint8Array, at: number): Uint8Array | undefined {
  if (data.length - at < LENGTH) return undefined;
  const length = new DataView(data.buffer, data.byteOffset).getUint32(at, true);
  const start = at + LENGTH;
  return length > 0 && length <= data.length - start ? data.subarray(start, start + length) : undefined;
}

function sized(content: string): Uint8Array {
  const bytes = encoder.encode(content);
  const length = new Uint8Array(LENGTH);
  new DataView(length.buffer).setUint32(0, bytes.length, true);
  return Buffer.concat([length, bytes]);
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw notSaved("has a config that is not UTF-8 text", { cause });
  }
}

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  return bytes.length >= start.length && start.every((byte, i) => bytes[i] === byte);
}
