import { type RequestLayout, requestLayout } from "./layout.ts";

export const MAX_QUEUES = 4;
export const MAX_RING_PAGE_ORDER = 4;

/** What the front end asks for in one queue. */
export interface QueueNodes {
  /** Grant references of the ring's pages. */
  readonly ringRefs: readonly number[];
  readonly eventChannel: number;
}

export interface FrontEndNodes {
  readonly layout: RequestLayout;
  readonly queues: readonly QueueNodes[];
}

/**
 * Reads what the front end of a block device has written.
 *
 * @throws Error with a sentence for the error node.
 */
export function readFrontEnd(front: (name: string) => string | undefined): FrontEndNodes {
  const layout = requestLayout(front("protocol"));
  if (layout === undefined) throw new Error("protocol must be x86_64-abi or x86_32-abi");
  const count = numberIn(front, "multi-queue-num-queues", 1, MAX_QUEUES, 1);
  const order = numberIn(front, "ring-page-order", 0, MAX_RING_PAGE_ORDER, 0);
  const queues = Array.from({ length: count }, (_, i) => {
    const directory = count === 1 ? "" : `queue-${i}/`;
    const pages = 2 ** order;
    // A single page is ring-ref; some front ends call it ring-ref0.
    const single = pages === 1 && front(`${directory}ring-ref`) !== undefined;
    const ringRefs = single
      ? [numberIn(front, `${directory}ring-ref`, 0, MAX_U32)]
      : Array.from({ length: pages }, (_, page) =>
          numberIn(front, `${directory}ring-ref${page}`, 0, MAX_U32),
        );
    return { ringRefs, eventChannel: numberIn(front, `${directory}event-channel`, 1, MAX_U32) };
  });
  return { layout, queues };
}

const MAX_U32 = 0xffffffff;

function numberIn(
  front: (name: string) => string | undefined,
  name: string,
  min: number,
  max: number,
  otherwise?: number,
): number {
  const text = front(name);
  if (text === undefined && otherwise !== undefined) return otherwise;
  const value = text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new Error(`${name} must be a number from ${min} to ${max}`);
}
