/** XenbusState of xen/io/xenbus.h. */
export const XENBUS = {
  unknown: 0,
  initialising: 1,
  initWait: 2,
  initialised: 3,
  connected: 4,
  closing: 5,
  closed: 6,
  reconfiguring: 7,
  reconfigured: 8,
} as const;

/** Both ends of a device as the back end sees them. */
export interface BackEndView {
  /** XenbusState of the back end. */
  state: number;
  /** XenbusState that the front end has written, {@link XENBUS.unknown} for anything else. */
  front: number;
  /** Whether the driver has connected and not disconnected since. */
  connected: boolean;
  /** Whether the front end broke the protocol and has not said anything new since. */
  failed: boolean;
  /** Whether the toolstack takes the device away. */
  leaving: boolean;
  connectAt: readonly number[];
}

/**
 * What the back end does next, undefined when it waits for the front end:
 * - `offer`: publish what there is, go to InitWait;
 * - `connect`: take the front end's rings, go to Connected;
 * - `closing`: go to Closing, but serve on: front ends finish their I/O until they are Closed;
 * - `close`: disconnect, go to Closed.
 */
export type Step = "offer" | "connect" | "closing" | "close";

export function nextStep(view: BackEndView): Step | undefined {
  const { state, front, connected, failed, leaving, connectAt } = view;
  const resting = state === XENBUS.closed || state === XENBUS.initialising;
  switch (front) {
    case XENBUS.initialising:
      // A kernel that starts after another one died without closing begins here too.
      if (connected || state === XENBUS.closing) return "close";
      return resting && !leaving ? "offer" : undefined;
    case XENBUS.closing:
      return resting || state === XENBUS.closing ? undefined : "closing";
    case XENBUS.closed:
    case XENBUS.unknown:
      return connected || state !== XENBUS.closed ? "close" : undefined;
    default:
      if (connected || failed || leaving || !connectAt.includes(front)) return undefined;
      // Front ends need not wait for InitWait, and the states before may have been too short to be seen.
      return resting ? "offer" : state === XENBUS.initWait ? "connect" : undefined;
  }
}

/** The state that a node's text gives. */
export function parseState(text: string | undefined): number {
  return text !== undefined && /^[0-8]$/.test(text) ? Number(text) : XENBUS.unknown;
}
