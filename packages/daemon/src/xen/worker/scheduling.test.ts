import { physInfo } from "@pvh/abi";
import { GuestConfig, type GuestConfigInput } from "@pvh/builder";
import { PvhError } from "@pvh/errors";
import type { Affinity, CreditScheduler, CreditShare } from "@pvh/xenctl-ffi/native";
import { beforeEach, expect, test } from "vitest";
import { applyScheduling, pin, readScheduling, type SchedulingControl, setShare } from "./scheduling.ts";

/** Of a host with four CPUs; the domain's cpupool has the first three. */
class FakeControl implements SchedulingControl {
  scheduler: CreditScheduler | "rtds" = "credit2";
  share: CreditShare = { weight: 256, cap: 0 };
  readonly affinity = new Map<number, Affinity>();

  physInfo() {
    return physInfo.decode(physInfo.encode({ max_cpu_id: 3 }));
  }
  getShare(_domid: number, scheduler: CreditScheduler): CreditShare {
    this.#require(scheduler);
    return { ...this.share };
  }
  setShare(_domid: number, scheduler: CreditScheduler, share: CreditShare): void {
    this.#require(scheduler);
    this.share = share;
  }
  setAffinity(_domid: number, vcpu: number, affinity: Affinity): void {
    if (affinity.hard !== undefined && [...affinity.hard].every((cpu) => cpu === 3)) throw failed("EINVAL");
    this.affinity.set(vcpu, { ...this.affinity.get(vcpu), ...affinity });
  }
  getAffinity(_domid: number, vcpu: number): Required<Affinity> {
    const all = new Set([0, 1, 2, 3]);
    return { hard: all, soft: all, ...this.affinity.get(vcpu) };
  }

  #require(scheduler: string): void {
    if (scheduler !== this.scheduler) throw failed("EINVAL");
  }
}

const failed = (errno: string) => new PvhError("XEN_CALL", `failed with ${errno}.`, { found: errno });
const config = (changes: Partial<GuestConfigInput>) =>
  GuestConfig.parse({ name: "g", type: "pvh", kernel: "/k", vcpus: 1, maxvcpus: 3, ...changes });

let control: FakeControl;
beforeEach(() => {
  control = new FakeControl();
});

test.each(["credit", "credit2"] as const)("weight and cap are %s's, each for itself", (scheduler) => {
  control.scheduler = scheduler;
  setShare(control, 1, { weight: 512 });
  setShare(control, 1, { cap: 50 });
  expect(control.share).toEqual({ weight: 512, cap: 50 });
  expect(readScheduling(control, 1, 1)).toEqual({
    weight: 512,
    cap: 50,
    affinity: [{ cpus: "all", cpusSoft: "all" }],
  });
});

test("a scheduler without weights is told from a failure", () => {
  control.scheduler = "rtds";
  expect(readScheduling(control, 1, 1)).toBeUndefined();
  expect(() => setShare(control, 1, { weight: 1 })).toThrow(
    expect.objectContaining({ code: "HOST_UNSUPPORTED" }),
  );
  control.getShare = () => {
    throw failed("EPERM");
  };
  expect(() => readScheduling(control, 1, 1)).toThrow(/EPERM/);
});

test("vCPUs are pinned to the CPUs that the host has; what is not named stays", () => {
  pin(control, { domid: 1, vcpus: [0, 2], cpus: "1-9,^2" });
  pin(control, { domid: 1, vcpus: [2], cpusSoft: "0" });
  expect(control.affinity.get(0)).toEqual({ hard: new Set([1, 3]) });
  expect(control.affinity.get(1)).toBeUndefined();
  expect(readScheduling(control, 1, 3)?.affinity).toEqual([
    { cpus: "1,3", cpusSoft: "all" },
    { cpus: "all", cpusSoft: "all" },
    { cpus: "1,3", cpusSoft: "0" },
  ]);
});

test("CPUs that neither the host nor the cpupool has are refused", () => {
  expect(() => pin(control, { domid: 1, vcpus: [0], cpus: "4-5" })).toThrow(
    "cpus is 4-5, but the host has the CPUs 0 to 3.",
  );
  expect(() => pin(control, { domid: 1, vcpus: [0], cpusSoft: "9" })).toThrow(/^cpus_soft is 9/);
  expect(() => pin(control, { domid: 1, vcpus: [0], cpus: "3" })).toThrow(/cpupool has none of the CPUs 3/);
  expect(control.affinity.size).toBe(0);
});

test("a new domain gets what its config says, and nothing else", () => {
  applyScheduling(control, 1, config({}));
  expect([control.share, control.affinity.size]).toEqual([{ weight: 256, cap: 0 }, 0]);
  applyScheduling(control, 1, config({ cpu_weight: 128, cap: 200, cpus: "0-1", cpus_soft: ["1", "0"] }));
  expect(control.share).toEqual({ weight: 128, cap: 200 });
  const hard = new Set([0, 1]);
  expect([...control.affinity]).toEqual([
    [0, { hard, soft: new Set([1]) }],
    [1, { hard, soft: new Set([0]) }],
    [2, { hard }],
  ]);
});
