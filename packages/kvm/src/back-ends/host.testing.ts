import type { GuestMemory } from "../guest-memory.ts";
import type { BackEndHost, EventPort, GrantAccess } from "./host.ts";
import { FakeStore } from "./store.testing.ts";

/** For tests: the platform's side of back ends, with a guest's memory, grants and ports that the test sets. */
export class FakeHost implements BackEndHost {
  readonly domid = 5;
  readonly store = new FakeStore();
  readonly memory: GuestMemory;
  /** What the guest grants: reference -> page, which may be outside its memory. */
  readonly granted = new Map<number, { gpa: number; readonly?: boolean }>();
  /** Grants in use: how often. */
  readonly inUse = new Map<number, number>();
  /** Ports that the guest has allocated; bound ones have their handler. */
  readonly ports = new Map<
    number,
    { notified?: () => void; notifications: number; onNotification?: () => void }
  >();

  constructor(memory: GuestMemory) {
    this.memory = memory;
  }

  readonly grants: GrantAccess = {
    begin: (ref, write) => {
      const grant = this.granted.get(ref);
      if (grant === undefined || (write && grant.readonly === true)) return -1;
      this.inUse.set(ref, (this.inUse.get(ref) ?? 0) + 1);
      return grant.gpa;
    },
    end: (ref) => {
      const left = (this.inUse.get(ref) ?? 0) - 1;
      if (left < 0) throw new Error(`grant ${ref} ended more often than begun`);
      if (left === 0) this.inUse.delete(ref);
      else this.inUse.set(ref, left);
    },
    together: (work) => work(),
  };

  bindInterdomain(remotePort: number, notified: () => void): EventPort | undefined {
    const port = this.ports.get(remotePort);
    if (port === undefined || port.notified !== undefined) return undefined;
    port.notified = notified;
    return {
      notify: () => {
        port.notifications++;
        port.onNotification?.();
      },
      close: () => {
        if (port.notified === undefined) throw new Error(`port ${remotePort} closed twice`);
        delete port.notified;
      },
    };
  }

  /** The guest sends on a port. */
  send(port: number): void {
    setImmediate(() => this.ports.get(port)?.notified?.());
  }
}

/** Until `condition` holds; fails when it never does. */
export async function until(condition: () => boolean, what = "the condition"): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`${what} did not come true`);
    await new Promise(setImmediate);
  }
}

/** A few turns of the event loop: whatever was to happen soon has happened. */
export async function soon(turns = 6): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise(setImmediate);
}
