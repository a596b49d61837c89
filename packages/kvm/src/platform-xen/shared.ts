import type { RamSlot } from "../guest-memory.ts";
import { GuestMemory } from "../guest-memory.ts";
import { monotonicTime } from "../host/clock.ts";
import { viewOf } from "../host/libc.ts";
import { DomainClock } from "./clock.ts";
import type { XenDomain } from "./domain.ts";
import { DomainState } from "./domain-state.ts";
import { EventChannels } from "./event-channels.ts";
import { EventPorts } from "./event-ports.ts";
import { ExtraPages } from "./extra-pages.ts";
import { GrantTable } from "./grant-table.ts";
import type { XenHeap } from "./heap.ts";
import { LocalApics } from "./local-apic/index.ts";
import { Physmap } from "./physmap.ts";
import { VcpuInfos } from "./vcpu-infos.ts";
import { VcpuState } from "./vcpu-state.ts";
import type { Xen } from "./xen.ts";

/** The memory behind a Xen domain's state, for every thread to make its objects over. */
export interface XenBuffers {
  heap: XenHeap;
  state: SharedArrayBuffer;
  vcpus: SharedArrayBuffer[];
  ports: SharedArrayBuffer;
  extraPages: SharedArrayBuffer;
  frames: SharedArrayBuffer;
  grants: SharedArrayBuffer;
  /** Direct guests only: classic PVH has no local APIC. */
  apics?: SharedArrayBuffer;
}

export function createXenBuffers(
  domain: XenDomain,
  heap: XenHeap,
  ram: readonly RamSlot[],
  vcpus: number,
): XenBuffers {
  return {
    heap,
    state: new SharedArrayBuffer(DomainState.size),
    vcpus: Array.from({ length: vcpus }, () => new SharedArrayBuffer(VcpuState.size)),
    ports: new SharedArrayBuffer(EventPorts.size),
    extraPages: new SharedArrayBuffer(ExtraPages.size),
    frames: new SharedArrayBuffer(Physmap.size(ram)),
    grants: new SharedArrayBuffer(GrantTable.size(heap.maxGrantFrames)),
    ...(domain.bootInterface === "direct" ? { apics: LocalApics.create(vcpus) } : {}),
  };
}

export interface XenOpening {
  domain: XenDomain;
  buffers: XenBuffers;
  vmFd: number;
  ram: readonly RamSlot[];
  wake(vcpu: number): void;
  /** A back end was notified. */
  ringHost(): void;
}

/** A thread's objects over the shared state. */
export interface OpenXen extends Xen {
  readonly ports: EventPorts;
  readonly apics: LocalApics | undefined;
}

export function openXen({ domain, buffers, vmFd, ram, wake, ringHost }: XenOpening): OpenXen {
  const { heap } = buffers;
  const heapView = viewOf(heap);
  const state = new DomainState(buffers.state);
  const vcpus = buffers.vcpus.map((buffer) => new VcpuState(buffer));
  const extra = new ExtraPages(buffers.extraPages, heap, heapView);
  const memory = GuestMemory.of(ram, extra);
  const infos = new VcpuInfos(memory, heapView, vcpus);
  const clock = new DomainClock(state, domain.tscKhz, monotonicTime);
  const ports = new EventPorts(buffers.ports);
  const apics = buffers.apics && openApics(buffers.apics, { vcpus, infos, clock, wake });
  const injectVector = (vcpu: number, vector: number) => apics?.injectVector(vcpu, vector);
  const events = new EventChannels({
    domid: domain.domid,
    maxPort: domain.maxPort,
    state,
    ports,
    vcpus,
    infos,
    memory,
    wake,
    injectVector,
    ringHost,
  });
  return {
    domain,
    state,
    vcpus,
    infos,
    events,
    grants: new GrantTable({
      state,
      heap,
      buffer: heapView,
      shared: buffers.grants,
      maxMappings: domain.maxMappings,
    }),
    physmap: new Physmap({ vmFd, ram, heap, extra, types: buffers.frames }),
    clock,
    memory,
    ports,
    apics,
    wake,
    injectVector,
  };
}

function openApics(
  buffer: SharedArrayBuffer,
  { vcpus, infos, clock, wake }: Pick<Xen, "vcpus" | "infos" | "clock" | "wake">,
): LocalApics {
  const apics: LocalApics = new LocalApics(buffer, vcpus.length, {
    wake,
    enabled(vcpu) {
      const info = infos.of(vcpu);
      const vector = vcpus[vcpu]?.upcallVector ?? 0;
      if (vector !== 0 && info.bytes[info.at] !== 0) apics.injectVector(vcpu, vector);
    },
    now: () => clock.now(),
    init(vcpu) {
      vcpus[vcpu]?.requestInit();
      wake(vcpu);
    },
    startup(vcpu, vector) {
      vcpus[vcpu]?.requestStartup(vector);
      wake(vcpu);
    },
    nmi(vcpu) {
      vcpus[vcpu]?.raiseNmi();
      wake(vcpu);
    },
  });
  return apics;
}
