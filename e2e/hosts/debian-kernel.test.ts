import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { buildGuests } from "../guests/build.ts";
import { root } from "../support/programs.ts";
import { requireOrSkip } from "../support/require-or-skip.ts";
import { describe as transcript } from "./agent-channel.ts";
import { type DebianGuest, debianGuest } from "./debian-guest.ts";
import { guestReachedInit } from "./initramfs.ts";
import { type KvmHost, missingForKvmHost, startKvmHost } from "./kvm-host.ts";

const pvhctl = join(root, "apps/cli/bin/pvhctl");
const pvhd = join(root, "packages/daemon/bin/pvhd");

// A distribution kernel needs hardware virtualisation: where that is emulated, 40 s when nothing else runs.
const guestBootMs = 300_000;

describe.skipIf(requireOrSkip("guests on an emulated AMD host", await missingForKvmHost()))(
  "emulated AMD host",
  { retry: 1 },
  () => {
    let host: KvmHost;
    let guest: DebianGuest;

    /** Runs a command there that has to end with status 0; gives its standard output. */
    async function run(command: string, timeoutMs = 120_000): Promise<string> {
      const result = await host.run(command, { timeoutMs });
      expect(result.status, transcript(command, result)).toBe(0);
      return result.stdout;
    }

    beforeAll(async () => {
      await buildGuests();
      guest = await debianGuest({ cmdline: "console=ttyS0 panic=-1", memory: 256, vcpus: 1 });
      host = await startKvmHost();
    });

    // QEMU's emulation corrupts the host's memory about once in twenty boots of a distribution kernel (a panic of the
    // host, a program that dies), so a failure counts when it repeats on a new host.
    beforeEach(async ({ task }) => {
      if ((task.result?.retryCount ?? 0) === 0) return;
      process.stderr.write(`repeating on a new host: ${task.name}\n`);
      await host.stop();
      host = await startKvmHost();
    });

    afterAll(async () => {
      await host?.stop();
      await guest?.[Symbol.asyncDispose]();
    });

    test("its /dev/kvm runs a guest, with nested paging", async () => {
      const output = await run("cc -o /tmp/hlt-probe e2e/hosts/hlt-probe.c && /tmp/hlt-probe");
      expect(output).toBe("out K\nhlt\n");
      expect(await run("cat /sys/module/kvm_amd/parameters/npt")).toBe("Y\n");
    });

    test("the pinned Node calls C functions there", async () => {
      const script = `const libc = require("koffi").load("libc.so.6"); console.log(libc.func("int abs(int)")(-42))`;
      expect(await run(`cd packages/kvm && node -e '${script}'`)).toBe("42\n");
    });

    test.each(["classic-entry", "direct-entry", "direct-entry-bare"])(
      "%s finds every promise kept",
      async (name) => {
        const output = await run(`${pvhctl} run e2e/guests/${name}.cfg`);
        expect(output).not.toContain("FAIL");
        expect(output).toMatch(/^VERDICT PASS \d+ checks/m);
      },
    );

    test("pvhctl run boots Debian's cloud kernel to /init, which powers off", async () => {
      const output = await run(`${pvhctl} run ${guest.config}`, guestBootMs);
      expect(output).toContain(`${guestReachedInit}${guest.release}`);
      expect(output).toContain("command line: console=ttyS0 panic=-1");
    });

    test("pvhctl create does so under pvhd, and the domain's end is on record", async () => {
      const at = "--socket /run/pvhd.sock";
      await run(`${pvhd} ${at} --state /var/lib/pvh-test > /run/pvhd.log 2>&1 & echo $! > /run/pvhd.pid
      for try in $(seq 60); do [ -S /run/pvhd.sock ] && exit 0; sleep 0.5; done; cat /run/pvhd.log; exit 1`);
      const output = await run(`${pvhctl} ${at} create -c ${guest.config}`, guestBootMs);
      expect(output).toContain(`${guestReachedInit}${guest.release}`);

      const domain: unknown = JSON.parse(await run(`${pvhctl} ${at} show debian -o json`));
      expect(domain).toMatchObject({
        name: "debian",
        boot_interface: "direct",
        platform: "bare",
        exit: { reason: "poweroff" },
      });
      expect(await run(`${pvhctl} ${at} console debian --replay`)).toContain(
        `${guestReachedInit}${guest.release}`,
      );
      await run("kill $(cat /run/pvhd.pid)");
    });
  },
);
