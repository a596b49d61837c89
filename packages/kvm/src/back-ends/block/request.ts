import { BLKIF_MAX_SEGMENTS_PER_REQUEST, BLKIF_OP, BLKIF_RSP } from "@pvh/abi";
import type { DiskLimits } from "./disk-io.ts";
import type { RequestLayout } from "./layout.ts";
import {
  type GuestAccess,
  releaseSegments,
  SECTOR,
  type Segments,
  takeIndirectSegments,
  takeSegments,
} from "./segments.ts";

/** A step of the work for one request; they follow one another, and a failure ends them. */
export type Step =
  | { readonly kind: "sync" }
  | { readonly kind: "read" | "write"; readonly offset: number; readonly segments: Segments }
  /** Offset and length in bytes. */
  | { readonly kind: "discard"; readonly offset: number; readonly length: number };

export interface Request {
  /** The guest's own value, echoed in the response. */
  readonly id: { readonly low: number; readonly high: number };
  /** What the response names: of an indirect request the operation inside. */
  readonly operation: number;
  /** BLKIF_RSP of a request that is answered without work; else how it stands after the work done. */
  status: number;
  /** Whether everything before it has to end first, and nothing after it may start before its end. */
  readonly barrier: boolean;
  readonly steps: readonly Step[];
}

const SYNC: Step = { kind: "sync" };

/**
 * Reads a request from a private copy of its entry. It never throws, and nothing stays granted unless the steps hold
 * it: see {@link releaseRequest}.
 */
export function readRequest(
  entry: DataView,
  layout: RequestLayout,
  disk: DiskLimits,
  access: GuestAccess,
): Request {
  const operation = entry.getUint8(0);
  const id = { low: entry.getUint32(layout.id, true), high: entry.getUint32(layout.id + 4, true) };
  const sector = sectorCount(entry, layout.sector);
  const answer = (status: number): Request => ({ id, operation, status, barrier: false, steps: [] });
  const work = (steps: readonly Step[], barrier = false): Request => ({
    id,
    operation,
    status: BLKIF_RSP.OKAY,
    barrier,
    steps,
  });
  switch (operation) {
    case BLKIF_OP.READ:
    case BLKIF_OP.WRITE: {
      const count = entry.getUint8(1);
      const step = count === 0 ? undefined : direct(count, operation === BLKIF_OP.WRITE);
      return step === undefined ? answer(BLKIF_RSP.ERROR) : work([step]);
    }
    case BLKIF_OP.FLUSH_DISKCACHE:
    case BLKIF_OP.WRITE_BARRIER: {
      const barrier = operation === BLKIF_OP.WRITE_BARRIER;
      const count = entry.getUint8(1);
      if (count === 0) return work(disk.readonly ? [] : [SYNC], barrier);
      const step = direct(count, true);
      if (step === undefined) return answer(BLKIF_RSP.ERROR);
      // A barrier's own data is on the disk when it ends; a flush is only about what came before.
      return work(barrier ? [SYNC, step, SYNC] : [SYNC, step], barrier);
    }
    case BLKIF_OP.DISCARD: {
      if (!disk.discard || disk.readonly) return answer(BLKIF_RSP.EOPNOTSUPP);
      const count = sectorCount(entry, layout.discardSectors);
      if (!within(disk, sector, count)) return answer(BLKIF_RSP.ERROR);
      if (count === 0) return answer(BLKIF_RSP.OKAY);
      return work([{ kind: "discard", offset: sector * SECTOR, length: count * SECTOR }]);
    }
    case BLKIF_OP.INDIRECT: {
      const inner = entry.getUint8(1);
      const count = entry.getUint16(2, true);
      const valid = (inner === BLKIF_OP.READ || inner === BLKIF_OP.WRITE) && count > 0;
      const write = inner === BLKIF_OP.WRITE;
      const step = valid
        ? transfer(write, () => takeIndirectSegments(access, entry, layout.indirectGrefs, count, !write))
        : undefined;
      const request = step === undefined ? answer(BLKIF_RSP.ERROR) : work([step]);
      return { ...request, operation: inner };
    }
    default:
      return answer(BLKIF_RSP.EOPNOTSUPP);
  }

  function direct(count: number, write: boolean): Step | undefined {
    if (count > BLKIF_MAX_SEGMENTS_PER_REQUEST) return undefined;
    return transfer(write, () => takeSegments(access, entry, layout.segments, count, !write));
  }

  function transfer(write: boolean, take: () => Segments | undefined): Step | undefined {
    if (write && disk.readonly) return undefined;
    const segments = take();
    if (segments === undefined) return undefined;
    if (within(disk, sector, segments.sectors)) {
      return { kind: write ? "write" : "read", offset: sector * SECTOR, segments };
    }
    releaseSegments(access, segments);
    return undefined;
  }
}

/** Ends the access to all memory of the request. */
export function releaseRequest(access: GuestAccess, { steps }: Request): void {
  for (const step of steps) {
    if (step.kind === "read" || step.kind === "write") releaseSegments(access, step.segments);
  }
}

/** Numbers too large to be exact are far beyond the end of any disk. */
function sectorCount(entry: DataView, at: number): number {
  return entry.getUint32(at, true) + entry.getUint32(at + 4, true) * 2 ** 32;
}

function within(disk: DiskLimits, sector: number, count: number): boolean {
  return sector <= disk.sectors && count <= disk.sectors - sector;
}
