import { existsSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { buildGuests } from "../guests/build.ts";
import { failedChecks, type GuestSettings, passedChecks, runGuest } from "../support/guest-runs.ts";
import { patience } from "../support/patience.ts";
import { noKvm } from "../support/programs.ts";
import { requireOrSkip } from "../support/require-or-skip.ts";

/** The Xen platform as guests see it from inside. What each guest shows: the first comment of its source. */

let kernels: Record<string, string>;

beforeAll(async () => {
  kernels = await buildGuests();
});

interface Run extends Omit<GuestSettings, "kernel" | "cmdline"> {
  guest: string;
  /** Fewer checks mean that the guest skipped promises. */
  checks: number;
}

/** More than the host has by far; each takes seconds where all is slow. */
const many = patience > 1 ? 6 : 16;

const runs: Run[] = [
  { guest: "classic-clock", checks: 48 },
  { guest: "direct-clock", checks: 48 },
  { guest: "classic-clock", vcpus: 2, checks: 48 },
  { guest: "direct-clock", vcpus: 2, checks: 48 },
  { guest: "classic-events", checks: 58 },
  { guest: "direct-events", checks: 58 },
  { guest: "classic-events", vcpus: 2, checks: 58 },
  { guest: "direct-events", vcpus: 2, checks: 58 },
  { guest: "classic-event-ports", checks: 161 },
  { guest: "direct-event-ports", checks: 161 },
  { guest: "classic-event-fifo", checks: 55 },
  { guest: "direct-event-fifo", checks: 55 },
  { guest: "direct-upcall-vector", checks: 13 },
  { guest: "classic-timers", checks: 55 },
  { guest: "direct-timers", checks: 55 },
  { guest: "classic-sched", checks: 49 },
  { guest: "direct-sched", checks: 49 },
  { guest: "classic-vcpus", vcpus: 2, checks: 90 },
  { guest: "direct-vcpus", vcpus: 2, checks: 90 },
  { guest: "classic-vcpus", vcpus: 4, checks: 200 },
  { guest: "direct-vcpus", vcpus: 4, checks: 200 },
  { guest: "classic-vcpus", vcpus: many, memory: 64, checks: many * 50 },
  { guest: "direct-vcpus", vcpus: many, memory: 64, checks: many * 50 },
  { guest: "direct-vcpu-64", vcpus: 2, checks: 24 },
  { guest: "classic-memory", checks: 69 },
  { guest: "direct-memory", checks: 69 },
  { guest: "classic-memory", maxmem: 48, checks: 72 },
  { guest: "direct-memory", maxmem: 48, checks: 72 },
  { guest: "classic-physmap", checks: 55 },
  { guest: "direct-physmap", checks: 55 },
  { guest: "classic-hypercalls", checks: 65 },
  { guest: "direct-hypercalls", checks: 65 },
  { guest: "direct-apic", checks: 84 },
  { guest: "direct-x2apic", checks: 36 },
  { guest: "direct-apic-timer", checks: 13 },
  { guest: "direct-apic-smp", vcpus: 2, checks: 10 },
];

function nameOf({ guest, vcpus = 1, memory = 16, maxmem = memory }: Run): string {
  const room = maxmem === memory ? `${memory} MiB` : `${memory} of ${maxmem} MiB`;
  return `${guest}, ${vcpus} vCPU${vcpus === 1 ? "" : "s"}, ${room}`;
}

/** KVM's PVM flavour emulates the kernel's code, and knows no IRET to ring 3. */
const emulatesKernelCode = existsSync("/sys/module/kvm_pvm");

describe.skipIf(requireOrSkip("the Xen platform", noKvm()))("the Xen platform", () => {
  test.for(runs.map((run) => ({ name: nameOf(run), run })))("$name", async ({ run }) => {
    const { guest, checks, memory = 16, maxmem = memory, vcpus = 1, ...settings } = run;
    const cmdline = `memory_mib=${memory} maxmem_mib=${maxmem} vcpus=${vcpus}`;
    const result = await runGuest({
      ...settings,
      kernel: kernels[guest] ?? "",
      memory,
      maxmem,
      vcpus,
      cmdline,
    });
    expect(failedChecks(result.stdout), result.stdout.slice(-2000) + result.stderr).toEqual([]);
    expect(passedChecks(result.stdout), result.stdout.slice(-2000) + result.stderr).toBeGreaterThanOrEqual(
      checks,
    );
    expect(result.status).toBe(0);
  });

  const ring3 = emulatesKernelCode
    ? "ends with a report where KVM knows no IRET to it"
    : "is refused hypercalls";
  test(`direct-ring3: ring 3 ${ring3}`, async () => {
    const { stdout, stderr, status: exit } = await runGuest({ kernel: kernels["direct-ring3"] ?? "" });
    if (emulatesKernelCode) {
      expect(stdout).toBe("trying - call from ring 3\n");
      expect(stderr).toContain("emulation-failure: the host's KVM cannot emulate an instruction: cf ");
      expect(exit).toBe(status.emulationFailure);
      return;
    }
    expect(failedChecks(stdout), stdout + stderr).toEqual([]);
    expect(passedChecks(stdout)).toBeGreaterThanOrEqual(6);
    expect(exit).toBe(0);
  });

  test.for([
    ["classic-watchdog", "halt"],
    ["classic-watchdog", "spin"],
    ["direct-watchdog", "halt"],
    ["direct-watchdog", "spin"],
  ] as const)("%s ends for its reason, waiting by %s", async ([guest, how]) => {
    const result = await runGuest({ kernel: kernels[guest] ?? "", cmdline: `how=${how}` });
    expect(result.stdout).toContain("watchdog: armed as 1\n");
    expect(result.status, result.stderr).toBe(status.watchdog);
  });
});

/** Of `pvhctl run`; docs/pvhctl.md. */
const status = { watchdog: 13, emulationFailure: 16 };
