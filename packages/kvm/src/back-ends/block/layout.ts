import {
  blkifRequest32,
  blkifRequest64,
  blkifRequestDiscard32,
  blkifRequestDiscard64,
  blkifRequestIndirect32,
  blkifRequestIndirect64,
  XEN_IO_PROTO_ABI,
} from "@pvh/abi";

/** Where the fields of a request stand; the first two bytes are the same for all. */
export interface RequestLayout {
  /** Bytes of an entry of the ring. */
  readonly size: number;
  readonly id: number;
  readonly sector: number;
  readonly segments: number;
  readonly discardSectors: number;
  readonly indirectGrefs: number;
}

const layout = (
  request: typeof blkifRequest64 | typeof blkifRequest32,
  discard: typeof blkifRequestDiscard64 | typeof blkifRequestDiscard32,
  indirect: typeof blkifRequestIndirect64 | typeof blkifRequestIndirect32,
): RequestLayout => ({
  size: request.size,
  id: request.fields.id.offset,
  sector: request.fields.sector_number.offset,
  segments: request.fields.seg.offset,
  discardSectors: discard.fields.nr_sectors.offset,
  indirectGrefs: indirect.fields.indirect_grefs.offset,
});

const X86_64 = layout(blkifRequest64, blkifRequestDiscard64, blkifRequestIndirect64);
const X86_32 = layout(blkifRequest32, blkifRequestDiscard32, blkifRequestIndirect32);

/** By the front end's node `protocol`; without it our own, as for xen-blkback. Undefined for one that is not of x86. */
export function requestLayout(protocol: string | undefined): RequestLayout | undefined {
  switch (protocol) {
    case undefined:
    case "":
    case XEN_IO_PROTO_ABI.X86_64:
      return X86_64;
    case XEN_IO_PROTO_ABI.X86_32:
      return X86_32;
    default:
      return undefined;
  }
}
