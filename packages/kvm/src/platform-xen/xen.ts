import type { GuestMemory } from "../guest-memory.ts";
import type { DomainClock } from "./clock.ts";
import type { XenDomain } from "./domain.ts";
import type { DomainState } from "./domain-state.ts";
import type { EventChannels } from "./event-channels.ts";
import type { GrantTable } from "./grant-table.ts";
import type { Physmap } from "./physmap.ts";
import { NARROW, type SharedInfoLayout, TIME_OFFSET, WIDE } from "./shared-info-layout.ts";
import type { VcpuInfos } from "./vcpu-infos.ts";
import type { VcpuState } from "./vcpu-state.ts";

/**
 * The hypervisor as one thread of the VMM sees it: objects of its own over what all threads share. Hypercalls work on
 * it in the vCPUs' threads, back ends on the main thread.
 */
export interface Xen {
  readonly domain: XenDomain;
  readonly state: DomainState;
  readonly vcpus: readonly VcpuState[];
  readonly infos: VcpuInfos;
  readonly events: EventChannels;
  readonly grants: GrantTable;
  readonly physmap: Physmap;
  readonly clock: DomainClock;
  readonly memory: GuestMemory;
  /** Makes a vCPU look at what has changed for it. */
  wake(vcpu: number): void;
  /** Gives a vCPU an interrupt through its local APIC; nothing happens where there is none. */
  injectVector(vcpu: number, vector: number): void;
}

export function sharedInfoLayout(xen: Pick<Xen, "state">): SharedInfoLayout {
  return xen.state.shared32 ? NARROW : WIDE;
}

/** Brings the clock in a vCPU's vcpu_info up to date. */
export function writeVcpuTime({ infos, clock }: Pick<Xen, "infos" | "clock">, vcpu: number): void {
  const info = infos.of(vcpu);
  clock.writeTimeInfo(info, info.at + TIME_OFFSET);
}

/**
 * The guest's word size decides the layout of shared_info: it counts when the guest asks for event callbacks or for a
 * hypercall page, as in Xen (hvm_latch_shinfo_size).
 */
export function latchSharedInfo(xen: Xen, code64: boolean): void {
  if (xen.state.shared32 === !code64) return;
  xen.state.shared32 = !code64;
  for (const vcpu of xen.vcpus) vcpu.infoMoved();
  xen.clock.writeWallClock(xen.infos.shared, sharedInfoLayout(xen));
}
