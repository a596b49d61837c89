import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { root } from "../support/programs.ts";
import { requireOrSkip } from "../support/require-or-skip.ts";
import { type DebianGuest, debianGuest } from "./debian-guest.ts";
import { guestReachedInit } from "./initramfs.ts";
import { type KvmHost, missingForKvmHost, startKvmHost } from "./kvm-host.ts";

/** A host whose KVM has KVM_CAP_XEN_HVM: kernels that make hypercalls without Xen's page run on the xen platform. */

const flavours = ["6.12", "cloud"] as const;
const options = { flavour: flavours[0] };
const guestBootMs = 300_000;

describe.skipIf(requireOrSkip("guests on a host that traps hypercalls", await missingForKvmHost(flavours)))(
  "emulated AMD host with KVM_CAP_XEN_HVM",
  { retry: 1 },
  () => {
    let host: KvmHost;
    let guest: DebianGuest;

    beforeAll(async () => {
      guest = await debianGuest({ cmdline: "console=hvc0", memory: 512, vcpus: 2 });
      host = await startKvmHost(options);
    });

    // As in debian-kernel.test.ts: the emulation is to blame for what does not repeat on a new host.
    beforeEach(async ({ task }) => {
      if ((task.result?.retryCount ?? 0) === 0) return;
      process.stderr.write(`repeating on a new host: ${task.name}\n`);
      await host.stop();
      host = await startKvmHost(options);
    });

    afterAll(async () => {
      await host?.stop();
      await guest?.[Symbol.asyncDispose]();
    });

    test("Debian's cloud kernel runs on Xen's interfaces, with two vCPUs and Xen's console", async () => {
      const command = `${join(root, "apps/cli/bin/pvhctl")} run ${guest.config}`;
      const { stdout, stderr, status } = await host.run(command, { timeoutMs: guestBootMs });
      const end = stdout.slice(-3000) + stderr;
      expect(stdout, end).toContain(`${guestReachedInit}${guest.release}`);
      expect(stdout).toContain("Hypervisor detected: Xen HVM");
      expect(stdout).toContain("smp: Brought up 1 node, 2 CPUs");
      expect(stdout).toContain("printk: console [hvc0] enabled");
      expect(stderr).toMatch(/^pvhctl: debian: poweroff/m);
      expect(status).toBe(0);
    });
  },
);
