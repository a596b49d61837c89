import { cpusOfList, type GuestConfig, listOfCpus } from "@pvh/builder";
import { PvhError } from "@pvh/errors";
import type { CreditScheduler, XenControl } from "@pvh/xenctl-ffi/native";
import type { Affinity, Scheduling, Share } from "../../backend.ts";
import type { PinRequest } from "./tasks.ts";

/** What of the hypervisor's control this is about. */
export type SchedulingControl = Pick<
  XenControl,
  "getShare" | "setShare" | "getAffinity" | "setAffinity" | "physInfo"
>;

const SCHEDULERS: readonly CreditScheduler[] = ["credit2", "credit"];

/** Undefined when the domain's scheduler has no weights. */
export function readScheduling(
  control: SchedulingControl,
  domid: number,
  vcpus: number,
): Scheduling | undefined {
  const scheduler = schedulerOf(control, domid);
  if (scheduler === undefined) return undefined;
  const count = hostCpus(control);
  const affinity = Array.from({ length: vcpus }, (_, vcpu): Affinity => {
    const { hard, soft } = control.getAffinity(domid, vcpu);
    return { cpus: listOfCpus(hard, count), cpusSoft: listOfCpus(soft, count) };
  });
  return { ...control.getShare(domid, scheduler), affinity };
}

/** @throws PvhError HOST_UNSUPPORTED */
export function setShare(control: SchedulingControl, domid: number, share: Partial<Share>): void {
  const scheduler = schedulerOf(control, domid);
  if (scheduler === undefined) {
    throw new PvhError(
      "HOST_UNSUPPORTED",
      "The domain is scheduled by a scheduler without weights and caps; credit and credit2 have them (xl cpupool-list).",
      { field: "cpu_weight", found: "another scheduler", allowed: SCHEDULERS.join(", ") },
    );
  }
  control.setShare(domid, scheduler, { ...control.getShare(domid, scheduler), ...share });
}

/** @throws PvhError CONFIG_INVALID when the host, or the domain's cpupool, has none of the CPUs */
export function pin(control: SchedulingControl, { domid, vcpus, cpus, cpusSoft }: PinRequest): void {
  const affinity = {
    ...(cpus === undefined ? {} : { hard: existingCpus(control, "cpus", cpus) }),
    ...(cpusSoft === undefined ? {} : { soft: existingCpus(control, "cpus_soft", cpusSoft) }),
  };
  for (const vcpu of vcpus) {
    try {
      control.setAffinity(domid, vcpu, affinity);
    } catch (cause) {
      if (!isInvalid(cause)) throw cause;
      throw new PvhError(
        "CONFIG_INVALID",
        `The domain's cpupool has none of the CPUs ${cpus ?? cpusSoft}; xl cpupool-list -c shows those that it has.`,
        { field: cpus === undefined ? "cpus_soft" : "cpus", found: cpus ?? cpusSoft ?? "", cause },
      );
    }
  }
}

/** What the config says of a new domain. */
export function applyScheduling(control: SchedulingControl, domid: number, config: GuestConfig): void {
  const { vcpus, maxvcpus = vcpus, cpu_weight: weight, cap } = config;
  if (weight !== undefined || cap !== undefined) {
    setShare(control, domid, {
      ...(weight === undefined ? {} : { weight }),
      ...(cap === undefined ? {} : { cap }),
    });
  }
  for (let vcpu = 0; vcpu < maxvcpus; vcpu++) {
    const [cpus, cpusSoft] = [ofVcpu(config.cpus, vcpu), ofVcpu(config.cpus_soft, vcpu)];
    if (cpus === undefined && cpusSoft === undefined) continue;
    pin(control, {
      domid,
      vcpus: [vcpu],
      ...(cpus === undefined ? {} : { cpus }),
      ...(cpusSoft === undefined ? {} : { cpusSoft }),
    });
  }
}

/** One text is for all vCPUs; beyond a list's end vCPUs stay as they are. */
function ofVcpu(texts: string | string[] | undefined, vcpu: number): string | undefined {
  return typeof texts === "string" ? texts : texts?.[vcpu];
}

/** A domain of a cpupool may have another scheduler than the host's default: the wrong one does not know it. */
function schedulerOf(control: SchedulingControl, domid: number): CreditScheduler | undefined {
  return SCHEDULERS.find((scheduler) => {
    try {
      control.getShare(domid, scheduler);
      return true;
    } catch (error) {
      if (isInvalid(error)) return false;
      throw error;
    }
  });
}

function existingCpus(control: SchedulingControl, field: string, text: string): ReadonlySet<number> {
  const count = hostCpus(control);
  const cpus = cpusOfList(text, count);
  if (cpus.size > 0) return cpus;
  throw new PvhError("CONFIG_INVALID", `${field} is ${text}, but the host has the CPUs 0 to ${count - 1}.`, {
    field,
    found: text,
    allowed: `0-${count - 1}`,
  });
}

function hostCpus(control: SchedulingControl): number {
  return control.physInfo().max_cpu_id + 1;
}

function isInvalid(error: unknown): boolean {
  return error instanceof PvhError && error.code === "XEN_CALL" && error.details.found === "EINVAL";
}
