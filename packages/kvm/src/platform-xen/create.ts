import { GNTTAB_RESERVED, HVM_PARAM, PAGE_SIZE } from "@pvh/abi";
import type { DomainImage } from "@pvh/builder";
import type { RamSlot } from "../guest-memory.ts";
import { monotonicTime, realTime } from "../host/clock.ts";
import type { Doorbell } from "../shared/doorbell.ts";
import type { VcpuKicker } from "../shared/vcpu-kicker.ts";
import { DomainClock } from "./clock.ts";
import { type XenDomain, xenDomain } from "./domain.ts";
import { HOST_DOMAIN } from "./event-channels.ts";
import { allocateHeap, sharedInfoOffset } from "./heap.ts";
import { FRAME } from "./physmap.ts";
import { createXenBuffers, type OpenXen, openXen, type XenBuffers } from "./shared.ts";
import { readTsc } from "./vcpu.ts";
import { RUNSTATE } from "./vcpu-state.ts";
import { sharedInfoLayout, writeVcpuTime } from "./xen.ts";

/** The first two ports of a domain, which the toolstack makes for xenstore and console. */
export const EVENT_PORTS = { store: 1, console: 2 } as const;

/** What a domain may have above its target: libxl's slack of 1 MiB. */
export const SLACK_PAGES = 256;

/** Entries of 16 bytes in a page of Xen's maptrack (MAPTRACK_PER_PAGE). */
const MAPPINGS_PER_FRAME = 256;

export interface CreateXenInput {
  image: DomainImage;
  domid: number;
  uuid: string;
  /** The most that the domain may have. */
  vcpus: number;
  maxGrantFrames: number;
  maxEventChannels: number;
  maxMaptrackFrames: number;
  tscKhz: number;
  vmFd: number;
  ram: readonly RamSlot[];
  /** The first vCPU, which is not running yet. */
  vcpuFd: number;
  /** CLOCK_MONOTONIC_RAW when it was made, ns. */
  vcpuMade: number;
  kicker: VcpuKicker;
  doorbell: Doorbell;
}

export interface CreatedXen {
  domain: XenDomain;
  buffers: XenBuffers;
  open: OpenXen;
}

/** Makes the hypervisor's state of a domain as a toolstack leaves it before the first instruction. */
export function createXen(input: CreateXenInput): CreatedXen {
  const { image, domid, uuid, tscKhz, vmFd, ram, kicker, doorbell } = input;
  const { bootInterface, memoryMap } = image;
  const domain = xenDomain({
    domid,
    bootInterface,
    uuid,
    memoryMap,
    maxPort: input.maxEventChannels,
    maxMappings: input.maxMaptrackFrames * MAPPINGS_PER_FRAME,
    tscKhz,
  });
  const heap = allocateHeap(input.maxGrantFrames);
  const buffers = createXenBuffers(domain, heap, ram, input.vcpus);
  const open = openXen({
    domain,
    buffers,
    vmFd,
    ram,
    wake: (vcpu) => kicker.wake(vcpu),
    ringHost: () => doorbell.ring(),
  });
  populateMemory(open, image);
  startClock(open, input);
  startVcpus(open);
  shareWithHost(open, image);
  return { domain, buffers, open };
}

/**
 * A classic guest begins with its memory and knows that the rest of its RAM is still to be populated. A direct guest takes
 * all RAM for present, as on Xen with populate-on-demand, and gives back what is above its target when its balloon
 * driver starts; until then it costs what it touches.
 */
function populateMemory({ physmap, state }: OpenXen, image: DomainImage): void {
  const classic = image.bootInterface === "classic";
  const pages = physmap.initialise(classic ? image.memory / PAGE_SIZE : Number.POSITIVE_INFINITY);
  state.totalPages = pages;
  state.maxPages = (classic ? image.memory : image.maxMemory) / PAGE_SIZE + SLACK_PAGES;
  state.grantFrames = 1;
  const { sharedInfo } = image.pages;
  if (sharedInfo === undefined) return;
  const gfn = sharedInfo / PAGE_SIZE;
  physmap.mapHeap(gfn, sharedInfoOffset(), FRAME.sharedInfo);
  state.sharedInfoGfn = gfn;
  state.totalPages -= 1;
}

function startClock(xen: OpenXen, input: CreateXenInput): void {
  const { vcpuFd, tscKhz, vcpuMade } = input;
  const { monotonic, tsc } = tscAtATime(vcpuFd);
  // KVM sets a new vCPU's TSC to 0. One that it keeps has stood still since; see DomainClock.
  const kept = Number(tsc) < ((monotonic - vcpuMade) * tscKhz) / 1e6 / 2;
  const start = kept ? { monotonic: vcpuMade, tsc: 0n } : { monotonic, tsc };
  const real = realTime() - (monotonicTime() - start.monotonic);
  DomainClock.start(xen.state, { ...start, real, tscKhz, kept });
}

/** Puts the clocks where the guest reads them. After the image, which has a shared_info of its own, is in memory. */
export function publishClocks(xen: OpenXen): void {
  xen.clock.writeWallClock(xen.infos.shared, sharedInfoLayout(xen));
  for (let vcpu = 0; vcpu < xen.vcpus.length; vcpu++) writeVcpuTime(xen, vcpu);
}

function tscAtATime(vcpuFd: number): { monotonic: number; tsc: bigint } {
  // The best of a few: what matters is that both are read at the same moment.
  let best = Number.POSITIVE_INFINITY;
  let monotonic = 0;
  let tsc = 0n;
  for (let i = 0; i < 5 || (best > 100_000 && i < 50); i++) {
    const before = monotonicTime();
    const read = readTsc(vcpuFd);
    const took = monotonicTime() - before;
    if (took >= best) continue;
    best = took;
    // The later of the two, so that the guest's clock is not behind the host's and no timer goes off early.
    monotonic = before + took;
    tsc = read;
  }
  return { monotonic, tsc };
}

function startVcpus(xen: OpenXen): void {
  xen.vcpus.forEach((state, index) => {
    state.initialised = index === 0;
    state.online = index === 0;
    state.enterRunstate(index === 0 ? RUNSTATE.running : RUNSTATE.offline, 0);
  });
}

/** Xenstore and console: a page granted to domain 0 and an event channel to it, each where the guest looks for it. */
function shareWithHost({ events, grants, state }: OpenXen, { pages }: DomainImage): void {
  for (const port of [EVENT_PORTS.store, EVENT_PORTS.console]) {
    if (events.allocUnbound(HOST_DOMAIN) !== port) throw new Error(`port ${port} of a new domain is taken`);
  }
  const { xenstore, console: consolePage } = pages;
  if (xenstore !== undefined) grants.seed(GNTTAB_RESERVED.XENSTORE, HOST_DOMAIN, xenstore / PAGE_SIZE);
  if (consolePage !== undefined) grants.seed(GNTTAB_RESERVED.CONSOLE, HOST_DOMAIN, consolePage / PAGE_SIZE);
  state.setParam(HVM_PARAM.STORE_PFN, (xenstore ?? 0) / PAGE_SIZE);
  state.setParam(HVM_PARAM.STORE_EVTCHN, EVENT_PORTS.store);
  state.setParam(HVM_PARAM.CONSOLE_PFN, (consolePage ?? 0) / PAGE_SIZE);
  state.setParam(HVM_PARAM.CONSOLE_EVTCHN, EVENT_PORTS.console);
}
