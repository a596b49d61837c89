import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DebianGuest, debianGuest } from "../hosts/debian-guest.ts";
import { guestReachedInit } from "../hosts/initramfs.ts";
import { missingForXenHost } from "../hosts/xen-host.ts";
import { requireOrSkip } from "../support/require-or-skip.ts";
import { useXenHost } from "./test-host.ts";

/** That the emulated Xen host is one: Xen's own tools start guests on it. */
describe.skipIf(requireOrSkip("guests on an emulated Xen host", await missingForXenHost()))(
  "emulated Xen host",
  { retry: 1 },
  () => {
    let guest: DebianGuest;
    beforeAll(async () => {
      guest = await debianGuest({ cmdline: "console=hvc0", memory: 512, vcpus: 2 });
    });
    afterAll(() => guest?.[Symbol.asyncDispose]());
    const { run } = useXenHost();

    test("Xen runs there, and xl in its domain 0", async () => {
      const info = await run("xl info");
      expect(info).toMatch(/^xen_version +: 4\.17\./m);
      expect(info).toMatch(/^virt_caps +: .*\bhvm hap\b/m);
      expect(await run("xl list")).toMatch(/^Domain-0 +0 +2560 +1 /m);
      expect(await run("cat /proc/xen/capabilities")).toBe("control_d\n");
    });

    test("xl gives a paused guest a disk from a file and an interface on the bridge", async () => {
      await run(`truncate -s 1M /tmp/disk
      xl create -p ${guest.config} 'disk=["/tmp/disk,raw,xvda,w"]' 'vif=[""]'`);
      expect(await run("xl list debian")).toMatch(/^debian +\d+ +512 +1 +--p--- +0\.0$/m);
      expect(await run("xl vcpu-list debian")).toMatch(/^debian +\d+ +1 +- +--p /m);
      expect(await run("losetup --all")).toContain("(/tmp/disk)");
      expect(await run("bridge link")).toMatch(/: vif\d+\.0: .* master xenbr0 /);
      await run("xl destroy debian && ! xl list debian");
      expect(await run("losetup --all")).toBe("");
    });

    test("Debian's cloud kernel, created by xl, comes to /init and powers off", async () => {
      await run(`xl create ${guest.config} && while xl list debian > /dev/null 2>&1; do sleep 1; done`);
      const output = await run("cat /var/log/xen/console/guest-debian.log");
      expect(output).toContain(`${guestReachedInit}${guest.release}`);
      expect(output).toContain("command line: console=hvc0");
      expect(output).toContain("Booting kernel on Xen PVH");
      expect(output).toContain("smp: Brought up 1 node, 2 CPUs");
    });
  },
);
