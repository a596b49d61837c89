import { PAGE_SIZE } from "@pvh/abi";
import type { BackEndHost, EventPort, GrantAccess } from "../back-ends/host.ts";
import type { GuestMemory } from "../guest-memory.ts";
import type { StoreClient } from "../xenstore/client.ts";
import { HOST_DOMAIN } from "./event-channels.ts";
import { FRAME } from "./physmap.ts";
import type { OpenXen } from "./shared.ts";

const NOT_GRANTED = -1;

/** Domain 0's end of a guest's event channels and grants, on the VMM's main thread. */
export class HostSide implements BackEndHost {
  readonly domid: number;
  readonly memory: GuestMemory;
  readonly grants: GrantAccess;
  readonly store: StoreClient;
  readonly #xen: OpenXen;
  readonly #notified = new Map<number, () => void>();

  constructor(xen: OpenXen, store: StoreClient) {
    this.#xen = xen;
    this.store = store;
    this.domid = xen.domain.domid;
    this.memory = xen.memory;
    this.grants = {
      begin: (ref, write) => this.#begin(ref, write),
      end: (ref, write) => xen.grants.end(ref, write),
      together: (work) => xen.grants.together(work),
    };
  }

  bindInterdomain(remotePort: number, notified: () => void): EventPort | undefined {
    if (!this.#xen.events.bindHost(remotePort)) return undefined;
    this.#notified.set(remotePort, notified);
    return {
      notify: () => this.#xen.events.sendFromHost(remotePort),
      close: () => {
        if (!this.#notified.delete(remotePort)) return;
        this.#xen.events.unbindHost(remotePort);
      },
    };
  }

  /** Calls those whose ports the guest has notified. */
  deliver(): void {
    this.#xen.ports.takeHostNotifications((port) => this.#notified.get(port)?.());
  }

  #begin(ref: number, write: boolean): number {
    const { grants, physmap } = this.#xen;
    if (grants.begin(ref, HOST_DOMAIN, write) !== 0) return NOT_GRANTED;
    const gfn = grants.frame(ref);
    // What is granted must be RAM; shared_info and the grant table itself are not for devices.
    if (physmap.type(gfn) === FRAME.ram) return gfn * PAGE_SIZE;
    grants.end(ref, write);
    return NOT_GRANTED;
  }
}
