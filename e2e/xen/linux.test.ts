import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingForXenHost } from "../hosts/xen-host.ts";
import { requireOrSkip } from "../support/require-or-skip.ts";
import { type LinuxGuest, linuxGuest } from "./linux-guest.ts";
import { useXenHost } from "./test-host.ts";

/** Uses what it was given, and says so; then it waits for what the toolstack wants. */
const script = `echo "cpus: $(busybox grep -c ^processor /proc/cpuinfo)"
tries=0
until [ -b /dev/xvda ] || [ $((tries += 1)) -gt 100 ]; do busybox usleep 100000; done
echo "disk: $(busybox dd if=/dev/xvda bs=16 count=1 2> /dev/null)"
echo "written by the guest" | busybox dd of=/dev/xvda bs=512 seek=1 conv=sync,fsync 2> /dev/null
busybox ifconfig eth0 10.77.0.2 up
tries=0
until busybox wget -q -O /run/page http://10.77.0.1:8000/page || [ $((tries += 1)) -gt 20 ]; do busybox sleep 1; done
echo "page: $(busybox cat /run/page)"
echo "ready"
while true; do busybox sleep 1; done
`;

/** Debian's kernel as a direct guest of pvhd on real Xen: it comes up, uses its devices, and ends in every way there is. */
describe.skipIf(requireOrSkip("Linux on an emulated Xen host", await missingForXenHost()))(
  "Linux on an emulated Xen host",
  { retry: 2 },
  () => {
    let guest: LinuxGuest;

    beforeAll(async () => {
      const settings = {
        memory: 256,
        vcpus: 1,
        cmdline: "console=hvc0 sysrq_always_enabled panic=1",
        on_crash: "destroy",
      };
      guest = await linuxGuest("debian", { script, settings });
    });
    afterAll(() => guest?.[Symbol.asyncDispose]());

    const { run } = useXenHost({
      prelude: "export PVHD_SOCKET=/tmp/pvhd.sock",
      prepare: async (host) => {
        await host.run(`truncate -s 1M /tmp/disk; printf 'from the host   ' | dd of=/tmp/disk conv=notrunc 2> /dev/null
          mkdir /tmp/www; echo 'a page of the host' > /tmp/www/page
          busybox httpd -p 10.77.0.1:8000 -h /tmp/www
          setsid -f pvhd --socket /tmp/pvhd.sock --state /tmp/state > /tmp/pvhd.log 2>&1
          until [ -S /tmp/pvhd.sock ]; do sleep 0.2; done`);
      },
    });

    /** Waits until it has come up after so many restarts, and gives what it printed since the last one. */
    function comesUp(restarts = 0): Promise<string> {
      return run(`until pvhctl show -o json debian | grep -q '"restarts": ${restarts}'; do sleep 0.5; done
        until pvhctl console --replay debian | grep -q ^ready; do sleep 1; done
        pvhctl console --replay debian`);
    }

    async function create(...overrides: string[]): Promise<void> {
      const words = ['disk=["/tmp/disk,raw,xvda,w"]', 'vif=[""]', ...overrides].map((one) => `'${one}'`);
      await run(
        `rm -f /var/log/xen/console/guest-debian.log; pvhctl create -q ${guest.config} ${words.join(" ")}`,
      );
    }

    async function shown(): Promise<unknown> {
      return JSON.parse(await run("pvhctl show -o json debian"));
    }

    /** Waits until the domain has this state; gives all that is known of it. */
    async function becomes(state: string): Promise<unknown> {
      await run(`until pvhctl show -o json debian | grep -q '"state": "${state}"'; do sleep 0.5; done`);
      return shown();
    }

    async function nothingIsLeft(): Promise<void> {
      expect(await run("xl list | awk 'NR > 2'; losetup -a; ls /sys/class/net | grep vif || true")).toBe("");
    }

    test.each([1, 2])(
      "with %i vCPU(s) it uses disk and network, and powers off when asked",
      async (vcpus) => {
        await create(`vcpus=${vcpus}`);
        const output = await comesUp();
        expect(output).toContain("Booting kernel on Xen PVH");
        expect(output).toMatch(new RegExp(`^cpus: ${vcpus}\r?$`, "m"));
        expect(output).toMatch(/^disk: from the host {3}\r?$/m);
        expect(output).toMatch(/^page: a page of the host\r?$/m);
        expect(await run("xl vcpu-list debian | awk 'NR > 1' | wc -l")).toBe(`${vcpus}\n`);
        await run("pvhctl shutdown -w debian");
        expect(await shown()).toMatchObject({ state: "shutdown", exit: { reason: "poweroff" } });
        expect(await run("dd if=/tmp/disk bs=512 skip=1 count=1 2> /dev/null")).toMatch(
          /^written by the guest\n/,
        );
        await nothingIsLeft();
      },
    );

    test("it reboots when asked, and when it crashes that is what is recorded", async () => {
      await create();
      await comesUp();
      await run("pvhctl reboot debian");
      await comesUp(1);
      expect(await shown()).toMatchObject({ state: "running", restarts: 1 });
      expect(await run("cat /tmp/pvhd.log")).toContain("ended by reboot: restart");
      await run("pvhctl sysrq debian c");
      expect(await becomes("crashed")).toMatchObject({ exit: { reason: "crash" } });
      expect(await run("pvhctl console --replay debian")).toContain("sysrq: Trigger a crash");
      await nothingIsLeft();
    });

    test("it is destroyed at once, by us and by xl", async () => {
      await create();
      await comesUp();
      await run("pvhctl destroy --keep debian");
      expect(await shown()).toMatchObject({ state: "destroyed", exit: { reason: "killed" } });
      await nothingIsLeft();
      await create();
      await comesUp();
      await run("xl destroy debian");
      expect(await becomes("destroyed")).toMatchObject({ exit: { reason: "killed" } });
      await nothingIsLeft();
    });
  },
);
