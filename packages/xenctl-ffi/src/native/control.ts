import {
  coreVersionNote,
  createDomain4_17,
  createDomain4_19,
  domainInfo,
  e820Entry,
  evtchnStatus,
  PAGE_SIZE,
  PFINFO_FIRST_ABSENT,
  physInfo,
  schedCredit,
  VCPUAFFINITY,
  vcpuGuestContext,
  XENVER,
} from "@pvh/abi";
import { PvhError } from "@pvh/errors";
import type { XenRelease } from "../releases.ts";
import { bitmapOf, type CpuSet, cpusOf } from "./cpu-bitmap.ts";
import { type CpuidChange, cpuidArray } from "./cpuid-array.ts";
import { type Cpupool, readCpupools } from "./cpupools.ts";
import { type RestoreRequest, restoreDomain, type SaveRequest, saveDomain } from "./domain-stream.ts";
import { Libxenctrl } from "./libxenctrl.ts";

export type DomainInfo = ReturnType<typeof domainInfo.decode>;
export type ChannelStatus = ReturnType<typeof evtchnStatus.decode>;
export type PhysInfo = ReturnType<typeof physInfo.decode>;

/** What xen_domctl_createdomain says; what is not here is zero. */
export interface DomainParameters {
  /** 16 bytes. */
  handle: Uint8Array;
  /** CDF_*. */
  flags: number;
  maxVcpus: number;
  maxEventPort: number;
  /** -1: the hypervisor's default. */
  maxGrantFrames: number;
  maxMaptrackFrames: number;
  maxGrantVersion: number;
  emulationFlags: number;
  miscFlags: number;
  cpupool: number;
}

export interface E820Range {
  gpa: number;
  /** Bytes. */
  size: number;
  /** E820_TYPE. */
  type: number;
}

/** Extents of one order: 2^order pages each, from these frames on. */
export interface Extents {
  gfns: BigUint64Array;
  order: number;
}

/** Where a vCPU may run, and where it runs when it can; what is absent stays as it is. */
export interface Affinity {
  hard?: CpuSet;
  soft?: CpuSet;
}

/** The schedulers whose weights and caps can be set. */
export type CreditScheduler = "credit" | "credit2";

/** A domain's share of the processors. */
export interface CreditShare {
  weight: number;
  /** Percent of one CPU; 0 is no limit. */
  cap: number;
}

const LONGEST_TEXT = 1024;
/** Domains of one call of xc_domain_getinfolist. */
const INFO_BATCH = 256;

/** Domains and the host by the calls of libxenctrl. All of them block, and throw PvhError XEN_CALL. */
export class XenControl {
  readonly release: XenRelease;
  readonly #lib: Libxenctrl;

  constructor(release: XenRelease) {
    this.release = release;
    this.#lib = new Libxenctrl(release.name);
  }

  close(): void {
    this.#lib.close();
  }

  /** Of XENVER_extraversion: `.7` of 4.17.7. */
  extraVersion(): string {
    return this.#text(XENVER.extraversion, 16);
  }

  /** Of XENVER_capabilities: the kinds of guests, as in `hvm-3.0-x86_64`. */
  capabilities(): string[] {
    return this.#text(XENVER.capabilities, LONGEST_TEXT).split(" ").filter(Boolean);
  }

  physInfo(): PhysInfo {
    // Room for what a later release may add.
    const buffer = new Uint8Array(4 * physInfo.size);
    this.#lib.call("xc_physinfo", buffer);
    return physInfo.decode(buffer);
  }

  /** By rising id. */
  cpupools(): Cpupool[] {
    return readCpupools(this.#lib);
  }

  /** The new domain's domid. It is paused. */
  createDomain(parameters: DomainParameters): number {
    const domid = new Uint8Array(4);
    new DataView(domid.buffer).setUint32(0, ANY_DOMID, true);
    this.#lib.call("xc_domain_create", domid, this.#creation(parameters));
    return new DataView(domid.buffer).getUint32(0, true);
  }

  destroyDomain(domid: number): void {
    this.#lib.call("xc_domain_destroy", domid);
  }
  pauseDomain(domid: number): void {
    this.#lib.call("xc_domain_pause", domid);
  }
  unpauseDomain(domid: number): void {
    this.#lib.call("xc_domain_unpause", domid);
  }
  /** As if the guest had called SCHEDOP_shutdown. */
  shutdownDomain(domid: number, reason: number): void {
    this.#lib.call("xc_domain_shutdown", domid, reason);
  }

  /** All domains, by rising domid. */
  domains(): DomainInfo[] {
    const found: DomainInfo[] = [];
    const buffer = new Uint8Array(INFO_BATCH * domainInfo.size);
    for (let first = 0; ; ) {
      const count = this.#lib.call("xc_domain_getinfolist", first, INFO_BATCH, buffer);
      for (let i = 0; i < count; i++) found.push(domainInfo.decode(buffer, i * domainInfo.size));
      const last = found.at(-1);
      if (count < INFO_BATCH || last === undefined) return found;
      first = last.domain + 1;
    }
  }

  /** Undefined when there is none of that number. */
  domain(domid: number): DomainInfo | undefined {
    const buffer = new Uint8Array(domainInfo.size);
    if (this.#lib.call("xc_domain_getinfolist", domid, 1, buffer) < 1) return undefined;
    const info = domainInfo.decode(buffer);
    // The call answers with the next one when there is none of that number.
    return info.domain === domid ? info : undefined;
  }

  /** The 16 bytes of a domain's uuid. */
  setHandle(domid: number, handle: Uint8Array): void {
    this.#lib.call("xc_domain_sethandle", domid, handle);
  }

  /** Writes all of a domain, which is suspended meanwhile and stays so. */
  saveDomain(domid: number, request: SaveRequest): void {
    saveDomain(this.#lib, domid, request);
  }
  /** Fills a new domain, as far as libxenguest does; gives the frames that it shares with store and console. */
  restoreDomain(domid: number, request: RestoreRequest): { store: number; console: number } {
    return restoreDomain(this.#lib, domid, request);
  }
  /** Lets a suspended domain go on where it is: the guest is told that its suspension was cancelled. */
  resumeDomain(domid: number): void {
    const inPlace = 1;
    this.#lib.call("xc_domain_resume", domid, inPlace);
  }

  /** Lets a domain that has shut down go on, without event channels and with its memory as it is. */
  softReset(domid: number): void {
    this.#lib.call("xc_domain_soft_reset", domid);
  }

  setAffinity(domid: number, vcpu: number, { hard, soft }: Affinity): void {
    const size = this.#lib.call("xc_get_cpumap_size");
    const flags = (hard === undefined ? 0 : VCPUAFFINITY.HARD) | (soft === undefined ? 0 : VCPUAFFINITY.SOFT);
    const [hardMap, softMap] = [bitmapOf(hard ?? new Set(), size), bitmapOf(soft ?? new Set(), size)];
    this.#lib.call("xc_vcpu_setaffinity", domid, vcpu, hardMap, softMap, flags);
  }
  getAffinity(domid: number, vcpu: number): Required<Affinity> {
    const size = this.#lib.call("xc_get_cpumap_size");
    const [hard, soft] = [new Uint8Array(size), new Uint8Array(size)];
    const flags = VCPUAFFINITY.HARD | VCPUAFFINITY.SOFT;
    this.#lib.call("xc_vcpu_getaffinity", domid, vcpu, hard, soft, flags);
    return { hard: cpusOf(hard), soft: cpusOf(soft) };
  }

  /** Fails with EINVAL when the domain is scheduled by another scheduler. */
  getShare(domid: number, scheduler: CreditScheduler): CreditShare {
    const buffer = new Uint8Array(schedCredit.size);
    this.#lib.call(`xc_sched_${scheduler}_domain_get`, domid, buffer);
    return schedCredit.decode(buffer);
  }
  setShare(domid: number, scheduler: CreditScheduler, share: CreditShare): void {
    this.#lib.call(`xc_sched_${scheduler}_domain_set`, domid, schedCredit.encode({ ...share }));
  }

  /** Must be the number that the domain was created with. */
  setMaxVcpus(domid: number, count: number): void {
    this.#lib.call("xc_domain_max_vcpus", domid, count);
  }
  /** @param limit KiB */
  setMaxMemory(domid: number, limit: number): void {
    this.#lib.call("xc_domain_setmaxmem", domid, limit);
  }
  /** Reserves what the domain will populate; 0 gives back the rest. */
  claimPages(domid: number, pages: number): void {
    this.#lib.call("xc_domain_claim_pages", domid, pages);
  }
  /** The domain's port of a channel that `remote` may bind. */
  allocUnbound(domid: number, remote: number): number {
    return this.#lib.call("xc_evtchn_alloc_unbound", domid, remote);
  }
  /** What a domain's port is bound to. */
  channelStatus(domid: number, port: number): ChannelStatus {
    const status = evtchnStatus.encode({ dom: domid, port });
    this.#lib.call("xc_evtchn_status", status);
    return evtchnStatus.decode(status);
  }
  /** The default: native where the host's TSC is reliable, else emulated. */
  setDefaultTsc(domid: number): void {
    this.#lib.call("xc_domain_set_tsc_info", domid, 0, 0, 0, 0);
  }
  /** Also writes the wallclock to shared_info. */
  setTimeOffset(domid: number, seconds: number): void {
    this.#lib.call("xc_domain_set_time_offset", domid, seconds);
  }
  /** @param size bytes, whole pages */
  setPagingPool(domid: number, size: number): void {
    this.#lib.call("xc_set_paging_mempool_size", domid, size);
  }

  /** The host's default policy of HVM containers, with these changes. */
  applyCpuPolicy(domid: number, changes: readonly CpuidChange[]): void {
    const [restore, pae, itsc, nested] = [false, true, false, false];
    const array = changes.length === 0 ? null : cpuidArray(changes);
    this.#lib.call("xc_cpuid_apply_policy", domid, restore, null, 0, pae, itsc, nested, array, null);
  }

  /** How many of the extents, from the first on, are there now: fewer than all when memory of that order is short. */
  populate(domid: number, { gfns, order }: Extents, { onDemand = false } = {}): number {
    const flags = onDemand ? XENMEMF_POPULATE_ON_DEMAND : 0;
    return this.#lib.call("xc_domain_populate_physmap", domid, gfns.length, order, flags, gfns);
  }
  /** How many pages a domain that is populated on demand may touch before its balloon driver must have acted. */
  setPodTarget(domid: number, pages: number): void {
    this.#lib.call("xc_domain_set_pod_target", domid, pages, null, null, null);
  }

  setMemoryMap(domid: number, ranges: readonly E820Range[]): void {
    const bytes = new Uint8Array(ranges.length * e820Entry.size);
    ranges.forEach(({ gpa, size, type }, i) => {
      e820Entry.writeTo(bytes, i * e820Entry.size, { addr: gpa, size, type });
    });
    this.#lib.call("xc_domain_set_memory_map", domid, bytes, ranges.length);
  }

  /** @param space XENMAPSPACE_* */
  addToPhysmap(domid: number, space: number, index: number, gfn: number): void {
    this.#lib.call("xc_domain_add_to_physmap", domid, space, index, gfn);
  }

  /** @param index HVM_PARAM_* */
  setParam(domid: number, index: number, value: number): void {
    this.#lib.call("xc_hvm_param_set", domid, index, value);
  }
  getParam(domid: number, index: number): bigint {
    const value = new Uint8Array(8);
    this.#lib.call("xc_hvm_param_get", domid, index, value);
    return new DataView(value.buffer).getBigUint64(0, true);
  }

  /** All records of the domain's HVM context. */
  getContext(domid: number): Uint8Array {
    const size = this.#lib.call("xc_domain_hvm_getcontext", domid, null, 0);
    const buffer = new Uint8Array(size);
    return buffer.subarray(0, this.#lib.call("xc_domain_hvm_getcontext", domid, buffer, size));
  }
  /** Marks all vCPUs as down but those whose CPU record is among the records. */
  setContext(domid: number, records: Uint8Array): void {
    this.#lib.call("xc_domain_hvm_setcontext", domid, records, records.length);
  }

  /** @param trigger SENDTRIGGER */
  sendTrigger(domid: number, trigger: number, vcpu: number): void {
    this.#lib.call("xc_domain_send_trigger", domid, trigger, vcpu);
  }

  /** What the hypervisor says of itself, as it stands in a core dump. */
  versionNote(): Uint8Array {
    const answer = (command: number, size: number) => {
      const buffer = new Uint8Array(size);
      this.#lib.call("xc_version", command, buffer);
      return buffer;
    };
    const version = this.#lib.call("xc_version", XENVER.version, null);
    const parameters = answer(XENVER.platform_parameters, 8);
    return coreVersionNote.encode({
      major_version: version >>> 16,
      minor_version: version & 0xffff,
      extra_version: answer(XENVER.extraversion, 16),
      compile_info: answer(XENVER.compile_info, 144),
      capabilities: answer(XENVER.capabilities, LONGEST_TEXT),
      changeset: answer(XENVER.changeset, 64),
      virt_start: new DataView(parameters.buffer).getBigUint64(0, true),
      pagesize: this.#lib.call("xc_version", XENVER.pagesize, null),
    });
  }

  /** A vcpu_guest_context; undefined for a vCPU that was never set up. */
  vcpuContext(domid: number, vcpu: number): Uint8Array | undefined {
    const context = new Uint8Array(vcpuGuestContext.size);
    try {
      this.#lib.call("xc_vcpu_getcontext", domid, vcpu, context);
      return context;
    } catch (error) {
      if (error instanceof PvhError && error.details.found === "ENODATA") return undefined;
      throw error;
    }
  }

  /** The highest frame that the domain has anything at. */
  maximumGfn(domid: number): number {
    const gfn = new Uint8Array(8);
    this.#lib.call("xc_domain_maximum_gpfn", domid, gfn);
    return Number(new DataView(gfn.buffer).getBigUint64(0, true));
  }

  /** Which of the frames from `first` on have memory: at most 1024 of them at a time. */
  presentFrames(domid: number, first: number, count: number): boolean[] {
    const frames = BigUint64Array.from({ length: count }, (_, i) => BigInt(first + i));
    this.#lib.call("xc_get_pfn_type_batch", domid, count, frames);
    return Array.from(frames, (type) => type < PFINFO_FIRST_ABSENT);
  }

  #text(command: number, size: number): string {
    const buffer = new Uint8Array(size);
    this.#lib.call("xc_version", command, buffer);
    const end = buffer.indexOf(0);
    return new TextDecoder().decode(buffer.subarray(0, end < 0 ? size : end));
  }

  #creation(parameters: DomainParameters): Uint8Array {
    const values = {
      handle: parameters.handle,
      flags: parameters.flags,
      max_vcpus: parameters.maxVcpus,
      max_evtchn_port: parameters.maxEventPort,
      max_grant_frames: parameters.maxGrantFrames,
      max_maptrack_frames: parameters.maxMaptrackFrames,
      grant_opts: parameters.maxGrantVersion,
      emulation_flags: parameters.emulationFlags,
      misc_flags: parameters.miscFlags,
      cpupool_id: parameters.cpupool,
    };
    const { createDomain } = this.release;
    return createDomain === createDomain4_17
      ? createDomain4_17.encode(values)
      : createDomain4_19.encode(values);
  }
}

const XENMEMF_POPULATE_ON_DEMAND = 1 << 16;
/** DOMID_ANY of 4.22, which takes nothing else for "any"; earlier releases take all reserved numbers for it. */
const ANY_DOMID = 0x7ff5;

/** Pages of a size in bytes. */
export function pages(size: number): number {
  return Math.ceil(size / PAGE_SIZE);
}
