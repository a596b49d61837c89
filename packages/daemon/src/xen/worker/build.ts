import { readFileSync } from "node:fs";
import { CDF, E820_TYPE, PAGE_SIZE, PHYSCAP, XEN_X86_EMU, XEN_X86_MISC, XENMAPSPACE } from "@pvh/abi";
import { classicCpuPolicy, type DomainImage, type GuestConfig, type RamRange } from "@pvh/builder";
import { PvhError } from "@pvh/errors";
import type { StageTiming } from "../../domain.ts";
import { handleOf } from "../uuid.ts";
import { setContexts, setParams } from "./context.ts";
import { placeImage } from "./place.ts";
import { FIRST_PORTS, planImage } from "./plan.ts";
import { outOfMemory, populate } from "./populate.ts";
import type { Xen } from "./run-task.ts";
import type { BuildRequest, BuiltDomain } from "./tasks.ts";
import { timedStages } from "./timed.ts";

const MIB = 2 ** 20;
const KIB_PER_MIB = 1024;
/** The hypervisor's own structures of a domain and its vCPUs, generously. */
const OVERHEAD_PAGES = 512;
/** Pages of libxl's beyond what the config says: special pages, ACPI. */
const SLACK_KIB = 1024;

/**
 * Creates a domain with everything in it that the hypervisor keeps, by libxl's steps for PVH and with our own image.
 * It is paused. A failure leaves no domain.
 *
 * @param created is told the domid as soon as there is one
 */
export function buildDomain(
  xen: Xen,
  { uuid, config, cache }: BuildRequest,
  created: (domid: number) => void,
): BuiltDomain {
  const stages: StageTiming[] = [];
  const timed = timedStages(stages);
  const image = planImage(config, xen.control.release, cache, timed);
  requireMemory(xen.control, config, image);
  const domid = timed("allocate", () => create(xen, uuid, config, image));
  created(domid);
  try {
    timed("allocate", () => allocate(xen, domid, config, image));
    timed("place", () => placeImage(xen.memory, domid, image));
    timed("context", () => {
      setParams(xen, domid, image);
      setContexts(xen, domid, image, config.maxvcpus ?? config.vcpus);
      seedGrants(xen, domid, image);
    });
    const { store, console } = sharedPages(image);
    return {
      domid,
      bootInterface: image.bootInterface,
      stages: merged(stages),
      store: { gfn: store, port: FIRST_PORTS.store },
      console: { gfn: console, port: FIRST_PORTS.console },
    };
  } catch (error) {
    destroyAfter(error, xen, domid);
    throw error;
  }
}

/** Before anything is allocated; somebody else may still be quicker. */
function requireMemory(control: Xen["control"], config: GuestConfig, image: DomainImage): void {
  const { memory, vcpus, maxmem = memory, maxvcpus = vcpus } = config;
  const { others } = ramOf(image);
  const apart = others.reduce((sum, { size }) => sum + size, 0);
  const needed = (image.memory + apart) / PAGE_SIZE + pagingPool(maxvcpus, maxmem) + OVERHEAD_PAGES;
  const { free_pages, outstanding_pages } = control.physInfo();
  const missing = needed - Number(free_pages - outstanding_pages);
  if (missing > 0) throw outOfMemory(control, missing);
}

function create({ control }: Xen, uuid: string, config: GuestConfig, image: DomainImage): number {
  const { capabilities } = control.physInfo();
  const classic = image.bootInterface === "classic";
  const { vcpus, maxvcpus = vcpus } = config;
  return control.createDomain({
    handle: handleOf(uuid),
    flags: CDF.hvm | ((capabilities & PHYSCAP.hap) === 0 ? 0 : CDF.hap),
    maxVcpus: maxvcpus,
    maxEventPort: config.max_event_channels,
    maxGrantFrames: config.max_grant_frames,
    maxMaptrackFrames: config.max_maptrack_frames,
    maxGrantVersion: (capabilities & PHYSCAP.gnttab_v2) === 0 ? 1 : 2,
    emulationFlags: XEN_X86_EMU.LAPIC,
    // Classic kernels read MSRs without being prepared for a fault, as Xen then let them.
    miscFlags: classic ? XEN_X86_MISC.MSR_RELAXED : 0,
    cpupool: 0,
  });
}

function allocate({ control }: Xen, domid: number, config: GuestConfig, image: DomainImage): void {
  const { memory, vcpus, maxmem = memory, maxvcpus = vcpus } = config;
  const classic = image.bootInterface === "classic";
  control.setMaxVcpus(domid, maxvcpus);
  control.setMaxMemory(domid, memory * KIB_PER_MIB + SLACK_KIB);
  for (const [what, expected] of Object.entries(FIRST_PORTS)) {
    const port = control.allocUnbound(domid, 0);
    if (port !== expected) throw new PvhError("INTERNAL", `The channel of the ${what} has port ${port}.`);
  }
  control.setDefaultTsc(domid);
  setPagingPool(control, domid, maxvcpus, maxmem);
  control.applyCpuPolicy(domid, classic ? classicCpuPolicy({ maxLeaf: lastCpuidLeaf() }) : []);
  const onDemand = !classic && maxmem > memory;
  if (onDemand) control.setPodTarget(domid, (memory * MIB) / PAGE_SIZE);
  const { main, others } = ramOf(image);
  populate(control, domid, main, { onDemand });
  populate(control, domid, others);
  control.setMemoryMap(
    domid,
    image.memoryMap.map(({ gpa, size, type }) => ({ gpa, size, type: E820_TYPE[type] })),
  );
  const { sharedInfo } = image.pages;
  // The page that stood there goes; before anything is written to it.
  if (sharedInfo !== undefined) {
    control.addToPhysmap(domid, XENMAPSPACE.shared_info, 0, sharedInfo / PAGE_SIZE);
    // Makes the wallclock known there, which a direct guest's own mapping would do.
    control.setTimeOffset(domid, 0);
  }
}

/** The host's last basic leaf of CPUID. */
function lastCpuidLeaf(): number {
  return Number(/^cpuid level\s*:\s*(\d+)/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? 1);
}

/** Memory for the tables by which the hardware translates: libxl's formula for hardware-assisted paging. */
function setPagingPool(control: Xen["control"], domid: number, vcpus: number, maxmem: number): void {
  try {
    control.setPagingPool(domid, PAGE_SIZE * pagingPool(vcpus, maxmem));
  } catch (cause) {
    if (!isOutOfMemory(cause)) throw cause;
    throw outOfMemory(control, pagingPool(vcpus, maxmem));
  }
}

/** Pages, for `maxmem` MiB. */
function pagingPool(vcpus: number, maxmem: number): number {
  return 256 * vcpus + maxmem;
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof PvhError && error.code === "XEN_CALL" && error.details.found === "ENOMEM";
}

/** What the guest's memory is made of: the RAM of the config, and what stands apart from it. */
function ramOf(image: DomainImage): { main: RamRange[]; others: RamRange[] } {
  const isMain = ({ gpa }: RamRange) => gpa === 0 || gpa >= 2 ** 32;
  const others = image.ram.filter((range) => !isMain(range));
  const all = image.ram.filter(isMain);
  if (image.bootInterface === "direct") return { main: all, others };
  // A classic guest populates what is above its first memory by itself.
  let left = image.memory;
  const main = all.map(({ gpa, size }) => {
    const part = Math.min(size, left);
    left -= part;
    return { gpa, size: part };
  });
  return { main: main.filter(({ size }) => size > 0), others };
}

/** By grants, because xenstored and xenconsoled map what they serve through the guest's grant table. */
function seedGrants({ memory }: Xen, domid: number, image: DomainImage): void {
  const { store, console } = sharedPages(image);
  const view = new DataView(new ArrayBuffer(16));
  for (const [reference, gfn] of [console, store].entries()) {
    // GTF_permit_access to domain 0.
    view.setUint16(reference * 8, 1, true);
    view.setUint32(reference * 8 + 4, gfn, true);
  }
  memory.writeGrantTable(domid, new Uint8Array(view.buffer));
}

function sharedPages({ pages }: DomainImage): { store: number; console: number } {
  const { xenstore, console } = pages;
  if (xenstore === undefined || console === undefined) {
    throw new PvhError("INTERNAL", "A guest of the xen platform has no pages for its store and console.");
  }
  return { store: xenstore / PAGE_SIZE, console: console / PAGE_SIZE };
}

/** Each stage once, with all the time that it took. */
function merged(stages: readonly StageTiming[]): StageTiming[] {
  const sums = new Map<string, number>();
  for (const { name, ms } of stages) sums.set(name, (sums.get(name) ?? 0) + ms);
  return [...sums].map(([name, ms]) => ({ name, ms }));
}

/** What went wrong first is what is told. */
function destroyAfter(error: unknown, { control }: Xen, domid: number): void {
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
