import {
  DOMINF,
  DOMINF_SHUTDOWN_MASK,
  DOMINF_SHUTDOWN_SHIFT,
  PAGE_SIZE,
  PHYSCAP,
  xenconsInterface,
  xenstoreDomainInterface,
} from "@pvh/abi";
import { xenRelease } from "@pvh/xenctl-ffi";
import {
  attachLoopDevice,
  type DomainInfo,
  ForeignMemory,
  runningVersion,
  XenControl,
} from "@pvh/xenctl-ffi/native";
import { uuidOf } from "../uuid.ts";
import { buildDomain } from "./build.ts";
import type { DomainSummary, HostFacts, TaskName, TaskOutput, TaskRequest } from "./tasks.ts";

/** The hypervisor's libraries with open handles. */
export interface Xen {
  control: XenControl;
  memory: ForeignMemory;
}

let opened: Xen | undefined;

/** Opened by the first task that needs it, so that a host without Xen says so to whoever asks. */
function xen(): Xen {
  if (opened === undefined) {
    const control = new XenControl(xenRelease(runningVersion()));
    opened = { control, memory: new ForeignMemory() };
  }
  return opened;
}

/** @param created is told the domid of a domain that is being built */
export function runTask(request: TaskRequest, created: (domid: number) => void): TaskOutput<TaskName> {
  switch (request.name) {
    case "host":
      return hostFacts(xen().control);
    case "domains":
      return xen().control.domains().map(summary);
    case "build":
      return buildDomain(xen(), request.input, created);
    case "pause":
      xen().control.pauseDomain(request.input);
      return null;
    case "unpause":
      xen().control.unpauseDomain(request.input);
      return null;
    case "destroy":
      xen().control.destroyDomain(request.input);
      return null;
    case "set-max-memory":
      xen().control.setMaxMemory(request.input.domid, request.input.kib);
      return null;
    case "trigger":
      xen().control.sendTrigger(request.input.domid, request.input.trigger, request.input.vcpu);
      return null;
    case "dump-core":
      xen().control.dumpCore(request.input.domid, request.input.file);
      return null;
    case "store-used":
      return storeUsed(xen().memory, request.input);
    case "console-drained":
      return consoleDrained(xen().memory, request.input);
    case "attach-loop":
      return attachLoopDevice(request.input.file, request.input);
  }
}

function hostFacts(control: XenControl): HostFacts {
  const { free_pages, total_pages, nr_cpus, capabilities } = control.physInfo();
  return {
    version: `${control.release.name}${control.extraVersion()}`,
    capabilities: control.capabilities(),
    freeMemory: Number(free_pages) * PAGE_SIZE,
    totalMemory: Number(total_pages) * PAGE_SIZE,
    cpus: nr_cpus,
    hap: (capabilities & PHYSCAP.hap) !== 0,
  };
}

function summary({ domain, handle, flags, tot_pages, nr_online_vcpus, cpu_time }: DomainInfo): DomainSummary {
  const reason = (flags >>> DOMINF_SHUTDOWN_SHIFT) & DOMINF_SHUTDOWN_MASK;
  return {
    domid: domain,
    uuid: uuidOf(handle),
    paused: (flags & DOMINF.paused) !== 0,
    dying: (flags & DOMINF.dying) !== 0,
    ...((flags & DOMINF.shutdown) === 0 ? {} : { shutdown: reason }),
    memory: Number(tot_pages) * PAGE_SIZE,
    vcpusOnline: nr_online_vcpus,
    cpuTime: cpu_time,
  };
}

function storeUsed(memory: ForeignMemory, { domid, gfn }: { domid: number; gfn: number }): boolean {
  const page = memory.read(domid, gfn * PAGE_SIZE, PAGE_SIZE);
  return xenstoreDomainInterface.decode(page).req_prod !== 0;
}

function consoleDrained(memory: ForeignMemory, { domid, gfn }: { domid: number; gfn: number }): boolean {
  const { out_cons, out_prod } = xenconsInterface.decode(memory.read(domid, gfn * PAGE_SIZE, PAGE_SIZE));
  return out_cons === out_prod;
}
