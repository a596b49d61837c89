import {
  DOMINF,
  DOMINF_SHUTDOWN_MASK,
  DOMINF_SHUTDOWN_SHIFT,
  PAGE_SIZE,
  PHYSCAP,
  xenconsInterface,
  xenstoreDomainInterface,
} from "@pvh/abi";
import { listOfCpus } from "@pvh/builder";
import { xenRelease } from "@pvh/xenctl-ffi";
import {
  attachLoopDevice,
  type DomainInfo,
  ForeignMemory,
  runningVersion,
  socketPair,
  XenControl,
} from "@pvh/xenctl-ffi/native";
import { handleOf, uuidOf } from "../uuid.ts";
import { buildDomain } from "./build.ts";
import { dumpCore } from "./dump-core.ts";
import { reportOf } from "./registers.ts";
import { readSaved, receiveDomain, restoreDomain } from "./restore.ts";
import { saveDomain, sendDomain } from "./save.ts";
import { pin, readScheduling, setShare } from "./scheduling.ts";
import { softReset } from "./soft-reset.ts";
import type { DomainSummary, HostFacts, TaskName, TaskNotices, TaskOutput, TaskRequest } from "./tasks.ts";

/** The hypervisor's libraries with open handles. */
export interface Xen {
  control: XenControl;
  memory: ForeignMemory;
}

let opened: Xen | undefined;

/** Opened by the first task that needs it, so that a host without Xen says so to whoever asks. */
function xen(): Xen {
  if (opened === undefined) {
    const memory = new ForeignMemory();
    try {
      opened = { control: new XenControl(xenRelease(runningVersion())), memory };
    } catch (error) {
      memory.close();
      throw error;
    }
  }
  return opened;
}

export function runTask(request: TaskRequest, notices: Required<TaskNotices>): TaskOutput<TaskName> {
  switch (request.name) {
    case "host":
      return hostFacts(xen().control);
    case "domains":
      return xen().control.domains().map(summary);
    case "domain": {
      const found = xen().control.domain(request.input);
      return found === undefined ? null : summary(found);
    }
    case "build":
      return buildDomain(xen(), request.input, notices.created);
    case "save":
      saveDomain(xen(), request.input, notices.suspend);
      return null;
    case "socket-pair":
      return socketPair();
    case "send":
      sendDomain(xen, request.input, notices.suspend);
      return null;
    case "resume":
      xen().control.resumeDomain(request.input);
      return null;
    case "read-saved":
      return readSaved(request.input.file);
    case "restore":
      return restoreDomain(xen(), request.input, notices.created);
    case "receive":
      return receiveDomain(xen, request.input, notices.created);
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
      dumpCore(xen(), request.input.domid, request.input.file);
      return null;
    case "set-handle":
      xen().control.setHandle(request.input.domid, handleOf(request.input.uuid));
      return null;
    case "soft-reset":
      softReset(xen(), request.input);
      return null;
    case "scheduling":
      return readScheduling(xen().control, request.input.domid, request.input.vcpus) ?? null;
    case "set-share":
      setShare(xen().control, request.input.domid, request.input.share);
      return null;
    case "pin":
      pin(xen().control, request.input);
      return null;
    case "registers":
      return reportOf(xen().control.getContext(request.input.domid), request.input.vcpu) ?? null;
    case "store-used":
      return storeUsed(xen().memory, request.input);
    case "console-drained":
      return consoleDrained(xen().memory, request.input);
    case "attach-loop":
      return attachLoopDevice(request.input.file, request.input);
  }
}

function hostFacts(control: XenControl): HostFacts {
  const { free_pages, total_pages, nr_cpus, max_cpu_id, capabilities } = control.physInfo();
  return {
    version: `${control.release.name}${control.extraVersion()}`,
    capabilities: control.capabilities(),
    freeMemory: Number(free_pages) * PAGE_SIZE,
    totalMemory: Number(total_pages) * PAGE_SIZE,
    cpus: nr_cpus,
    hap: (capabilities & PHYSCAP.hap) !== 0,
    cpupools: control.cpupools().map((pool) => ({ ...pool, cpus: listOfCpus(pool.cpus, max_cpu_id + 1) })),
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
