/** States of the two ends of a device (public/io/xenbus.h). */
export const XENBUS = {
  unknown: 0,
  initialising: 1,
  initWait: 2,
  initialised: 3,
  connected: 4,
  closing: 5,
  closed: 6,
} as const;

const names = Object.entries(XENBUS).map(([name, state]): [number, string] => [
  state,
  name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
]);

/** `init-wait` for the text of a state node. */
export function xenbusName(state: string | undefined): string {
  return new Map(names).get(Number(state ?? 0)) ?? "unknown";
}
