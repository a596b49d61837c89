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
  // Front ends disagree on what a single page is called, and an earlier one may have left the other name behind.
  const names =
    front("ring-page-order") === undefined ? ["ring-ref", "ring-ref0"] : ["ring-ref0", "ring-ref"];
  const [first = "", second = ""] = names;
  const queues = Array.from({ length: count }, (_, i) => {
    const directory = count === 1 ? "" : `queue-${i}/`;
    const single =
      front(directory + first) === undefined && front(directory + second) !== undefined ? second : first;
    const pages = order === 0 ? [single] : Array.from({ length: 2 ** order }, (_, page) => `ring-ref${page}`);
    return {
      ringRefs: pages.map((name) => numberIn(front, directory + name, 0, MAX_U32)),
      eventChannel: numberIn(front, `${directory}event-channel`, 1, MAX_U32),
    };
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
