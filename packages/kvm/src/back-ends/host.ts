import type { GuestMemory } from "../guest-memory.ts";
import type { StoreClient } from "../xenstore/client.ts";

/** What the platform gives to the back ends of PV devices. They run on the VMM's main thread, in domain 0's place. */
export interface BackEndHost {
  /** The guest's domain id. */
  readonly domid: number;
  readonly store: StoreClient;
  readonly memory: GuestMemory;
  readonly grants: GrantAccess;
  /**
   * Binds a port that the guest has allocated for domain 0. `notified` is called on the event loop after the guest has
   * sent: once for several sends, and also without one. Undefined when there is no such unbound port.
   */
  bindInterdomain(remotePort: number, notified: () => void): EventPort | undefined;
}

/** The back end's half of an interdomain event channel. */
export interface EventPort {
  notify(): void;
  close(): void;
}

/** Access to frames that the guest has granted to domain 0: everything a back end touches goes through here. */
export interface GrantAccess {
  /**
   * Starts an access and marks the entry in use, as Xen does. Returns the guest-physical address of the page, or -1
   * when the guest has not granted this access. Each success is matched by {@link GrantAccess.end}.
   */
  begin(ref: number, write: boolean): number;
  end(ref: number, write: boolean): void;
  /** Runs `work`, which begins and ends many accesses and nothing else, at the cost of one. */
  together<T>(work: () => T): T;
}
