/**
 * Where a worker thread, which is in the midst of a call that cannot be left, waits for what the daemon's main thread does
 * meanwhile.
 */
const WAITING = 0;
const OPEN = 1;
const SHUT = 2;

export function newGate(): SharedArrayBuffer {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
}

/** Lets the thread go on. `done`: what it waits for has happened, and else never will. */
export function openGate(gate: SharedArrayBuffer, done: boolean): void {
  const state = new Int32Array(gate);
  Atomics.store(state, 0, done ? OPEN : SHUT);
  Atomics.notify(state, 0);
}

/** Whether what it waits for has happened. */
export function waitAtGate(gate: SharedArrayBuffer): boolean {
  const state = new Int32Array(gate);
  Atomics.wait(state, 0, WAITING);
  return Atomics.load(state, 0) === OPEN;
}
