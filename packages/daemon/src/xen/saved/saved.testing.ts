import { LIBXC_DOMAIN_TYPE, LIBXC_IMAGE, LIBXC_RECORD, libxcDomainHeader, streamRecord } from "@pvh/abi";
import { encodeHead } from "./head.ts";
import { encodeStreamEnd, encodeStreamHead } from "./stream.ts";

/** For tests: a record of either stream with its padding. */
export function record(type: number, body: Uint8Array = new Uint8Array()): Uint8Array {
  const padding = new Uint8Array((8 - (body.length % 8)) % 8);
  return Buffer.concat([streamRecord.encode({ type, length: body.length }), body, padding]);
}

export interface Frame {
  frame: number;
  /** 0 is an ordinary page. */
  type?: number;
}

/** PAGE_DATA of these frames; those of an ordinary type with a page. */
export function pageData(...frames: Frame[]): Uint8Array {
  const head = new Uint8Array(8 + frames.length * 8);
  const view = new DataView(head.buffer);
  view.setUint32(0, frames.length, true);
  frames.forEach(({ frame, type = 0 }, i) => {
    view.setBigUint64(8 + i * 8, (BigInt(type) << 60n) | BigInt(frame), true);
  });
  const pages = frames.filter(({ type = 0 }) => type < 0xd).length;
  return Buffer.concat([head, new Uint8Array(pages * 4096)]);
}

export function libxcHeaders({ version = 3, type = LIBXC_DOMAIN_TYPE.X86_HVM as number } = {}): Uint8Array {
  const image = new Uint8Array(LIBXC_IMAGE.headerSize);
  const view = new DataView(image.buffer);
  view.setBigUint64(0, LIBXC_IMAGE.marker);
  view.setUint32(8, LIBXC_IMAGE.id);
  view.setUint32(12, version);
  const domain = libxcDomainHeader.encode({ type, page_shift: 12, xen_major: 4, xen_minor: 17 });
  return Buffer.concat([image, domain]);
}

/** What libxenguest writes of a domain, in its least form. */
export const leastRecords: readonly Uint8Array[] = [
  record(LIBXC_RECORD.STATIC_DATA_END),
  record(LIBXC_RECORD.PAGE_DATA, pageData({ frame: 0 }, { frame: 0xa0, type: 0xf }, { frame: 1 })),
  record(LIBXC_RECORD.HVM_CONTEXT, new Uint8Array(13)),
  record(LIBXC_RECORD.HVM_PARAMS, new Uint8Array(8)),
  record(LIBXC_RECORD.END),
];

/** The streams of a file. */
export function streams({
  headers = libxcHeaders(),
  records = leastRecords,
  end = encodeStreamEnd(),
}: {
  headers?: Uint8Array;
  records?: readonly Uint8Array[];
  end?: Uint8Array;
} = {}): Uint8Array {
  return Buffer.concat([encodeStreamHead(), headers, ...records, end]);
}

/** A whole file. */
export function savedFile(texts = { libxl: "{}", own: "{}" }, stream = streams()): Uint8Array {
  return Buffer.concat([encodeHead(texts), stream]);
}
