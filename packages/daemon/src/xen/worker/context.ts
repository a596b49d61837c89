import { HVM_PARAM, PAGE_SIZE, SHUTDOWN, SPECIAL_PAGES } from "@pvh/abi";
import { cpuContextStream, type DomainImage, mtrrContextStream } from "@pvh/builder";
import { FIRST_PORTS } from "../first-ports.ts";
import type { Xen } from "./run-task.ts";

/** no_delay_for_missed_ticks, xl's default. */
export const TIMER_MODE = 1;
const IDENT_PT_ENTRIES = 1024;
/** Present, writable, user, accessed, dirty, 4 MiB. */
const IDENT_PT_FLAGS = 0xe7;

/** HVM parameters by which guest, hypervisor and tools find the pages that they share. */
export function setParams({ control, memory }: Xen, domid: number, image: DomainImage): void {
  const set = (index: number, value: number) => control.setParam(domid, index, value);
  const { xenstore = 0, console = 0 } = image.pages;
  set(HVM_PARAM.TIMER_MODE, TIMER_MODE);
  set(HVM_PARAM.STORE_PFN, xenstore / PAGE_SIZE);
  set(HVM_PARAM.CONSOLE_PFN, console / PAGE_SIZE);
  set(HVM_PARAM.STORE_EVTCHN, FIRST_PORTS.store);
  set(HVM_PARAM.CONSOLE_EVTCHN, FIRST_PORTS.console);
  if (image.bootInterface === "classic") {
    // It reboots by a hypercall, so that a triple fault is nothing but a crash.
    set(HVM_PARAM.TRIPLE_FAULT_REASON, SHUTDOWN.crash);
    return;
  }
  memory.clear(domid, SPECIAL_PAGES.firstFrame * PAGE_SIZE, SPECIAL_PAGES.count * PAGE_SIZE);
  memory.write(domid, SPECIAL_PAGES.identPt * PAGE_SIZE, identityTable());
  set(HVM_PARAM.IOREQ_PFN, SPECIAL_PAGES.ioreq);
  set(HVM_PARAM.BUFIOREQ_PFN, SPECIAL_PAGES.bufioreq);
  set(HVM_PARAM.PAGING_RING_PFN, SPECIAL_PAGES.paging);
  set(HVM_PARAM.MONITOR_RING_PFN, SPECIAL_PAGES.access);
  set(HVM_PARAM.SHARING_RING_PFN, SPECIAL_PAGES.sharing);
  set(HVM_PARAM.IDENT_PT, SPECIAL_PAGES.identPt * PAGE_SIZE);
}

/** 4 GiB one to one: what VT-x without unrestricted guests pages with while the guest does not page. */
function identityTable(): Uint8Array {
  const entries = Uint32Array.from(
    { length: IDENT_PT_ENTRIES },
    (_, i) => ((i << 22) | IDENT_PT_FLAGS) >>> 0,
  );
  return new Uint8Array(entries.buffer);
}

/** The state of the vCPUs. The CPU record goes last: every other load marks the vCPU as down again. */
export function setContexts({ control }: Xen, domid: number, image: DomainImage, vcpus: number): void {
  const fresh = control.getContext(domid);
  for (let vcpu = 0; vcpu < vcpus; vcpu++) control.setContext(domid, mtrrContextStream(fresh, vcpu));
  control.setContext(domid, cpuContextStream(fresh, image.vcpu));
}
