import { CDF, PAGE_SIZE, PHYSCAP, XEN_X86_EMU, XEN_X86_MISC } from "@pvh/abi";
import type { GuestConfig } from "@pvh/builder";
import { PvhError } from "@pvh/errors";
import { FIRST_PORTS } from "../first-ports.ts";
import { handleOf } from "../uuid.ts";
import { outOfMemory } from "./populate.ts";
import type { Xen } from "./run-task.ts";
import { applyScheduling } from "./scheduling.ts";

const KIB_PER_MIB = 1024;
/** The hypervisor's own structures of a domain and its vCPUs, generously. */
const OVERHEAD_PAGES = 512;
/** Pages of libxl's beyond what the config says: special pages, ACPI. */
const SLACK_KIB = 1024;

export interface NewDomain {
  uuid: string;
  config: GuestConfig;
  cpupool: number;
  /** Whether reads of unknown MSRs give 0 instead of a fault. */
  msrRelaxed: boolean;
}

/**
 * Before anything is allocated; somebody else may still be quicker.
 *
 * @param pages of the guest's memory
 */
export function requireMemory(control: Xen["control"], config: GuestConfig, pages: number): void {
  const needed = pages + pagingPool(config) + OVERHEAD_PAGES;
  const { free_pages, outstanding_pages } = control.physInfo();
  const missing = needed - Number(free_pages - outstanding_pages);
  if (missing > 0) throw outOfMemory(control, missing);
}

/** The domid of a new domain, which has nothing yet. */
export function createDomain({ control }: Xen, { uuid, config, cpupool, msrRelaxed }: NewDomain): number {
  const { capabilities } = control.physInfo();
  const { vcpus, maxvcpus = vcpus } = config;
  return control.createDomain({
    handle: handleOf(uuid),
    flags: CDF.hvm | ((capabilities & PHYSCAP.hap) === 0 ? 0 : CDF.hap),
    maxVcpus: maxvcpus,
    maxEventPort: config.max_event_channels,
    maxGrantFrames: config.max_grant_frames,
    maxMaptrackFrames: config.max_maptrack_frames,
    maxGrantVersion: grantVersion(config, capabilities),
    emulationFlags: XEN_X86_EMU.LAPIC,
    miscFlags: msrRelaxed ? XEN_X86_MISC.MSR_RELAXED : 0,
    cpupool,
  });
}

/** What a new domain needs before it has memory. */
export function prepareDomain({ control }: Xen, domid: number, config: GuestConfig): void {
  const { memory, vcpus, maxvcpus = vcpus } = config;
  control.setMaxVcpus(domid, maxvcpus);
  applyScheduling(control, domid, config);
  limitMemory(control, domid, memory);
  for (const [what, expected] of Object.entries(FIRST_PORTS)) {
    const port = control.allocUnbound(domid, 0);
    if (port !== expected) throw new PvhError("INTERNAL", `The channel of the ${what} has port ${port}.`);
  }
  control.setDefaultTsc(domid);
  setPagingPool(control, domid, config);
}

/** @param memory MiB that the domain may have */
export function limitMemory(control: Xen["control"], domid: number, memory: number): void {
  control.setMaxMemory(domid, memory * KIB_PER_MIB + SLACK_KIB);
}

/** What went wrong first is what is told. */
export function destroyAfter(error: unknown, { control }: Xen, domid: number): void {
  try {
    control.destroyDomain(domid);
  } catch (second) {
    throw new PvhError(
      "XEN_CALL",
      `The start failed, and domain ${domid} cannot be destroyed; xl destroy ${domid} may.`,
      {
        found: second instanceof Error ? second.message : String(second),
        cause: error,
      },
    );
  }
}

/** The latest that the hypervisor has, unless the config wants an earlier one. */
function grantVersion({ max_grant_version: wanted }: GuestConfig, capabilities: number): number {
  const latest = (capabilities & PHYSCAP.gnttab_v2) === 0 ? 1 : 2;
  if (wanted === undefined || wanted <= latest) return wanted ?? latest;
  throw new PvhError(
    "HOST_UNSUPPORTED",
    `max_grant_version is ${wanted}, but the hypervisor has grant tables of version ${latest} only; set it to ${latest}, or leave it out.`,
    { field: "max_grant_version", found: wanted, allowed: latest },
  );
}

/** Memory for the tables by which the hardware translates: libxl's formula for hardware-assisted paging. */
function setPagingPool(control: Xen["control"], domid: number, config: GuestConfig): void {
  try {
    control.setPagingPool(domid, PAGE_SIZE * pagingPool(config));
  } catch (cause) {
    if (!isOutOfMemory(cause)) throw cause;
    throw outOfMemory(control, pagingPool(config));
  }
}

/** Pages. */
function pagingPool({ memory, vcpus, maxmem = memory, maxvcpus = vcpus }: GuestConfig): number {
  return 256 * maxvcpus + maxmem;
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof PvhError && error.code === "XEN_CALL" && error.details.found === "ENOMEM";
}
