import { BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST, blkifRequestSegment, PAGE_SIZE } from "@pvh/abi";
import type { GuestMemory } from "../../guest-memory.ts";
import type { GrantAccess } from "../host.ts";
import type { Piece } from "./disk-io.ts";

export const SECTOR = 512;
const SECTORS_PER_PAGE = PAGE_SIZE / SECTOR;
/** As xen-blkback; more would need more than one indirect page. */
export const MAX_INDIRECT_SEGMENTS = 256;
const SEGMENTS_PER_PAGE = PAGE_SIZE / blkifRequestSegment.size;
const { gref: GREF, first_sect: FIRST } = blkifRequestSegment.fields;

type OpenPiece = { -readonly [K in keyof Piece]: Piece[K] };

export interface GuestAccess {
  readonly memory: GuestMemory;
  readonly grants: GrantAccess;
}

/** Guest memory of one request, granted until {@link releaseSegments}. */
export interface Segments {
  readonly pieces: Piece[];
  /** Sectors of all pieces. */
  readonly sectors: number;
  readonly refs: readonly number[];
  /** Whether the guest has granted writing. */
  readonly writable: boolean;
}

/**
 * Begins access to the segments that stand at `at` of a private copy.
 *
 * @param writable whether the guest's pages are written: for reads from the disk.
 * @returns undefined when a segment is not within its page, or not granted.
 */
export function takeSegments(
  access: GuestAccess,
  source: DataView,
  at: number,
  count: number,
  writable: boolean,
): Segments | undefined {
  const pieces: OpenPiece[] = [];
  const refs: number[] = [];
  let sectors = 0;
  const complete = access.grants.together(() => {
    for (let i = 0; i < count; i++) {
      const from = at + i * blkifRequestSegment.size;
      const ref = source.getUint32(from + GREF.offset, true);
      const ends = source.getUint16(from + FIRST.offset, true);
      const first = ends & 0xff;
      const last = ends >>> 8;
      const gpa = first <= last && last < SECTORS_PER_PAGE ? access.grants.begin(ref, writable) : -1;
      if (gpa >= 0) refs.push(ref);
      const view = gpa < 0 ? undefined : access.memory.find(gpa, PAGE_SIZE);
      if (view === undefined) return false;
      sectors += last - first + 1;
      addPiece(pieces, view, gpa - view.gpa + first * SECTOR, (last - first + 1) * SECTOR);
    }
    return true;
  });
  if (complete) return { pieces, sectors, refs, writable };
  releaseSegments(access, { refs, writable });
  return undefined;
}

/** The same for segments that stand in pages of their own, whose references stand at `at`. */
export function takeIndirectSegments(
  access: GuestAccess,
  source: DataView,
  at: number,
  count: number,
  writable: boolean,
): Segments | undefined {
  const pages = Math.ceil(count / SEGMENTS_PER_PAGE);
  if (count > MAX_INDIRECT_SEGMENTS || pages > BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST) return undefined;
  const copy = new Uint8Array(pages * PAGE_SIZE);
  for (let page = 0; page < pages; page++) {
    const ref = source.getUint32(at + page * 4, true);
    const gpa = access.grants.begin(ref, false);
    if (gpa < 0) return undefined;
    const view = access.memory.find(gpa, PAGE_SIZE);
    if (view !== undefined) {
      const length = Math.min(PAGE_SIZE, count * blkifRequestSegment.size - page * PAGE_SIZE);
      copy.set(view.bytes.subarray(gpa - view.gpa, gpa - view.gpa + length), page * PAGE_SIZE);
    }
    access.grants.end(ref, false);
    if (view === undefined) return undefined;
  }
  return takeSegments(access, new DataView(copy.buffer), 0, count, writable);
}

export function releaseSegments(
  access: GuestAccess,
  { refs, writable }: Pick<Segments, "refs" | "writable">,
): void {
  access.grants.together(() => {
    for (const ref of refs) access.grants.end(ref, writable);
  });
}

/** Neighbours become one piece: most requests are a few long stretches. */
function addPiece(pieces: OpenPiece[], view: Piece["view"], at: number, length: number): void {
  const last = pieces[pieces.length - 1];
  if (last !== undefined && last.view === view && last.at + last.length === at) last.length += length;
  else pieces.push({ view, at, length });
}
