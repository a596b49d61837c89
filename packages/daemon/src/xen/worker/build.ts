import { readFileSync } from "node:fs";
import { E820_TYPE, PAGE_SIZE, XENMAPSPACE } from "@pvh/abi";
import { classicCpuPolicy, type DomainImage, type GuestConfig, type RamRange } from "@pvh/builder";
import { PvhError } from "@pvh/errors";
import type { E820Range } from "@pvh/xenctl-ffi/native";
import type { StageTiming } from "../../domain.ts";
import { FIRST_PORTS } from "../first-ports.ts";
import { setContexts, setParams } from "./context.ts";
import { grantSharedPages } from "./grants.ts";
import { createDomain, destroyAfter, prepareDomain, requireMemory } from "./new-domain.ts";
import { placeImage } from "./place.ts";
import { planImage } from "./plan.ts";
import { populate } from "./populate.ts";
import type { Xen } from "./run-task.ts";
import type { BuildRequest, BuiltDomain } from "./tasks.ts";
import { mergedStages, timedStages } from "./timed.ts";

const MIB = 2 ** 20;

/**
 * Creates a domain with everything in it that the hypervisor keeps, by libxl's steps for PVH and with our own image.
 * It is paused. A failure leaves no domain.
 *
 * @param created is told the domid as soon as there is one
 */
export function buildDomain(xen: Xen, request: BuildRequest, created: (domid: number) => void): BuiltDomain {
  const { config, cache } = request;
  const stages: StageTiming[] = [];
  const timed = timedStages(stages);
  const image = planImage(config, xen.control.release, cache, timed);
  requireMemory(xen.control, config, pagesOf(image));
  const { bootInterface } = image;
  // Classic kernels read MSRs without being prepared for a fault, as Xen then let them.
  const msrRelaxed = bootInterface === "classic";
  const domid = timed("allocate", () => createDomain(xen, { ...request, msrRelaxed }));
  created(domid);
  try {
    timed("allocate", () => allocate(xen, domid, config, image));
    timed("place", () => placeImage(xen.memory, domid, image));
    timed("context", () => {
      setParams(xen, domid, image);
      setContexts(xen, domid, image, config.maxvcpus ?? config.vcpus);
      grantSharedPages(xen.memory, domid, sharedPages(image));
    });
    const { store, console } = sharedPages(image);
    return {
      domid,
      bootInterface,
      stages: mergedStages(stages),
      memoryMap: memoryMapOf(image),
      store: { gfn: store, port: FIRST_PORTS.store },
      console: { gfn: console, port: FIRST_PORTS.console },
    };
  } catch (error) {
    destroyAfter(error, xen, domid);
    throw error;
  }
}

function allocate(xen: Xen, domid: number, config: GuestConfig, image: DomainImage): void {
  const { control } = xen;
  const { memory, maxmem = memory } = config;
  const classic = image.bootInterface === "classic";
  prepareDomain(xen, domid, config);
  control.applyCpuPolicy(domid, classic ? classicCpuPolicy({ maxLeaf: lastCpuidLeaf() }) : []);
  const onDemand = !classic && maxmem > memory;
  if (onDemand) control.setPodTarget(domid, (memory * MIB) / PAGE_SIZE);
  const { main, others } = ramOf(image);
  populate(control, domid, main, { onDemand });
  populate(control, domid, others);
  control.setMemoryMap(domid, memoryMapOf(image));
  const { sharedInfo } = image.pages;
  // The page that stood there goes; before anything is written to it.
  if (sharedInfo !== undefined) {
    control.addToPhysmap(domid, XENMAPSPACE.shared_info, 0, sharedInfo / PAGE_SIZE);
    // Makes the wallclock known there, which a direct guest's own mapping would do.
    control.setTimeOffset(domid, 0);
  }
}

/** Those that the domain has when it starts. */
function pagesOf(image: DomainImage): number {
  const apart = ramOf(image).others.reduce((sum, { size }) => sum + size, 0);
  return (image.memory + apart) / PAGE_SIZE;
}

function memoryMapOf({ memoryMap }: DomainImage): E820Range[] {
  return memoryMap.map(({ gpa, size, type }) => ({ gpa, size, type: E820_TYPE[type] }));
}

/** The host's last basic leaf of CPUID. */
function lastCpuidLeaf(): number {
  return Number(/^cpuid level\s*:\s*(\d+)/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? 1);
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

function sharedPages({ pages }: DomainImage): { store: number; console: number } {
  const { xenstore, console } = pages;
  if (xenstore === undefined || console === undefined) {
    throw new PvhError("INTERNAL", "A guest of the xen platform has no pages for its store and console.");
  }
  return { store: xenstore / PAGE_SIZE, console: console / PAGE_SIZE };
}
