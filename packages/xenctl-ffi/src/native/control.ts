import {
  createDomain4_17,
  createDomain4_19,
  domainInfo,
  e820Entry,
  PAGE_SIZE,
  physInfo,
  XENVER,
} from "@pvh/abi";
import type { XenRelease } from "../releases.ts";
import { type CpuidChange, cpuidArray } from "./cpuid-array.ts";
import { Libxenctrl } from "./libxenctrl.ts";

export type DomainInfo = ReturnType<typeof domainInfo.decode>;
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

  /** The new domain's domid. It is paused. */
  createDomain(parameters: DomainParameters): number {
    const domid = new Uint8Array(4);
    // Not a valid id: the hypervisor chooses.
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

  /** Writes an ELF core of the domain, which should be paused. */
  dumpCore(domid: number, file: string): void {
    this.#lib.call("xc_domain_dumpcore", domid, file);
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
/** Outside of what a domain's number may be. */
const ANY_DOMID = 0x7ff4;

/** Pages of a size in bytes. */
export function pages(size: number): number {
  return Math.ceil(size / PAGE_SIZE);
}
