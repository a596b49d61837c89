import { PAGE_SIZE } from "@pvh/abi";
import type { RamRange } from "@pvh/builder";
import { PvhError } from "@pvh/errors";
import type { XenControl } from "@pvh/xenctl-ffi/native";

/** 1 GiB, 2 MiB and 4 KiB: what the hardware maps with one entry. */
const ORDERS = [18, 9, 0] as const;
type Order = (typeof ORDERS)[number];
/** Extents of one call: at most 4 GiB, 1 GiB and 16 MiB, so that none takes long. */
const BATCH: Record<Order, number> = { 18: 4, 9: 512, 0: 4096 };

/** Frames `first` to `first + extents * 2^order - 1`. */
export interface Batch {
  first: number;
  extents: number;
  order: Order;
}

/** Covers the frames from `first` on in as few extents as their alignment allows, in batches of one order. */
export function* batches(first: number, frames: number, largest: Order = 18): Generator<Batch> {
  const end = first + frames;
  for (let gfn = first; gfn < end; ) {
    const order = ORDERS.find((one) => one <= largest && gfn % 2 ** one === 0 && gfn + 2 ** one <= end) ?? 0;
    const size = 2 ** order;
    // Up to where a larger order begins to fit.
    const next = ORDERS[ORDERS.indexOf(order) - 1];
    const larger = next === undefined || next > largest ? undefined : 2 ** next;
    const aligned = larger === undefined ? end : Math.ceil((gfn + 1) / larger) * larger;
    const limit = larger !== undefined && aligned + larger <= end ? aligned : end;
    const extents = Math.min(Math.floor((limit - gfn) / size), BATCH[order]);
    yield { first: gfn, extents, order };
    gfn += extents * size;
  }
}

/**
 * Gives a domain memory at these ranges, in large extents where there are any left.
 *
 * @throws PvhError HOST_MEMORY
 */
export function populate(
  control: XenControl,
  domid: number,
  ranges: readonly RamRange[],
  options: { onDemand?: boolean } = {},
): void {
  for (const { gpa, size } of ranges) {
    for (const batch of batches(gpa / PAGE_SIZE, size / PAGE_SIZE))
      populateBatch(control, domid, batch, options);
  }
}

function populateBatch(
  control: XenControl,
  domid: number,
  { first, extents, order }: Batch,
  options: { onDemand?: boolean },
): void {
  const size = 2 ** order;
  const gfns = BigUint64Array.from({ length: extents }, (_, i) => BigInt(first + i * size));
  const done = control.populate(domid, { gfns, order }, options);
  if (done === extents) return;
  const rest = first + done * size;
  if (order === 0) throw outOfMemory(control, first + extents * size - rest);
  const smaller = ORDERS[ORDERS.indexOf(order) + 1] ?? 0;
  for (const batch of batches(rest, (extents - done) * size, smaller)) {
    populateBatch(control, domid, batch, options);
  }
}

/** @param missing pages */
export function outOfMemory(control: XenControl, missing: number): PvhError {
  const { free_pages } = control.physInfo();
  const mib = (pages: number | bigint) => Math.ceil((Number(pages) * PAGE_SIZE) / 2 ** 20);
  return new PvhError(
    "HOST_MEMORY",
    `Xen has ${mib(free_pages)} MiB of free memory, too little for the domain (${mib(missing)} MiB are missing): give it less memory, end other domains, or let domain 0 have less (dom0_mem= of Xen, or xl mem-set 0).`,
    { field: "memory", found: `${mib(free_pages)} MiB free`, allowed: `${mib(missing)} MiB more` },
  );
}
