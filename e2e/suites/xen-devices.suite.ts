import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { diskImage, floodOf, SECTORS, wrongWords } from "../support/device-guests.ts";
import {
  failedChecks,
  type GuestSettings,
  passedChecks,
  runGuest,
  withConfig,
} from "../support/guest-runs.ts";
import { type Finished, startPvhctl, withFolder } from "../support/programs.ts";

/**
 * Grants, the store, the console and PV block devices as guests see them from inside. What each guest shows: the first
 * comment of its source.
 */

interface Run extends Omit<GuestSettings, "kernel"> {
  guest: string;
  /** Fewer checks mean that the guest skipped promises. */
  checks: number;
}

const runs: Run[] = [
  { guest: "classic-grants", checks: 100 },
  { guest: "direct-grants", checks: 100 },
  { guest: "classic-store", cmdline: "name=test", checks: 188 },
  { guest: "direct-store", cmdline: "name=test", checks: 188 },
  { guest: "classic-linux-boot-318", checks: 70 },
  { guest: "classic-linux-boot-318", vcpus: 2, checks: 90 },
  { guest: "classic-linux-boot-4x", checks: 70 },
  { guest: "classic-linux-boot-4x", vcpus: 2, checks: 90 },
  { guest: "classic-linux-boot-4x", vcpus: 2, cmdline: "fifo_events=0", checks: 90 },
  { guest: "classic-fuzz", cmdline: "seed=1 count=1000", checks: 1 },
  { guest: "direct-fuzz", cmdline: "seed=1 count=1000", checks: 1 },
  { guest: "classic-fuzz", cmdline: "seed=2 count=1000", checks: 1 },
  { guest: "direct-fuzz", cmdline: "seed=2 count=1000", checks: 1 },
];

function expectPassed({ stdout, stderr, status }: Finished, checks: number): void {
  const end = stdout.slice(-2000) + stderr;
  expect(failedChecks(stdout), end).toEqual([]);
  expect(passedChecks(stdout), end).toBeGreaterThanOrEqual(checks);
  expect(status).toBe(0);
}

/** Needs guests to be built and to be able to run. `kernel` gives the path of a guest's file. */
export function xenDevicesSuite(kernel: (guest: string) => string): void {
  test.for(
    runs.map((run) => ({
      name: [run.guest, run.vcpus ?? 1, run.cmdline ?? ""].join(" "),
      run,
    })),
  )("$name", async ({ run: { guest, checks, ...settings } }) => {
    expectPassed(await runGuest({ ...settings, kernel: kernel(guest) }), checks);
  });

  test.for(["classic-pv-echo", "direct-pv-echo"])("%s answers on the PV console", async (guest) => {
    const input = `hello\nsecond line with blanks\n${"long ".repeat(600)}\nquit\n`;
    const result = await runGuest({ kernel: kernel(guest) }, { input });
    expect(result.stdout).toContain("echo: ready\n");
    expect(result.stdout).toContain("echo: hello\necho: second line with blanks\necho: long long ");
    expect(result.stdout).toContain("echo: bye\n");
    expect(result.status, result.stderr).toBe(0);
  });

  test.for([
    ["classic-console-flood", 16],
    ["direct-console-flood", 16],
    ["classic-console-flood", 2048],
  ] as const)("%s loses nothing, %i bytes at a time", async ([guest, chunk]) => {
    const result = await runGuest({ kernel: kernel(guest), cmdline: `kib=256 chunk=${chunk}` });
    const { numbers, told, came } = floodOf(result.stdout);
    expect(told, result.stderr).toEqual({ bytes: 256 * 1024, crc32: came.crc32 });
    expect(numbers).toEqual(numbers.map((_, i) => i));
    expect(result.status).toBe(0);
  });

  test.for(["classic-shutdown-watch", "direct-shutdown-watch"])("%s powers off when asked", async (guest) => {
    await withConfig({ kernel: kernel(guest) }, async (config) => {
      const { child, promise } = startPvhctl(["run", config]);
      let output = "";
      let asked = false;
      child.stdout?.on("data", (text: string) => {
        output += text;
        if (asked || !output.includes("watch: ready\n")) return;
        asked = true;
        child.kill("SIGINT");
      });
      const { stdout, stderr, status } = await promise;
      expect(stdout, stderr).toContain("watch: shutdown=poweroff\n");
      expect(status).toBe(0);
    });
  });

  test.for(["classic-block", "direct-block"])("%s uses a disk, and one that is read-only", async (guest) => {
    await withFolder("pvh-guest", async (folder) => {
      const image = diskImage();
      const [written, readonly] = [join(folder, "written.img"), join(folder, "readonly.img")];
      for (const file of [written, readonly]) writeFileSync(file, image);
      const disks = `disk = ["${written},raw,xvda,w", "${readonly},raw,xvdb,r"]`;
      const settings = { kernel: kernel(guest), cmdline: `disks=2 sectors=${SECTORS} attack=ring` };
      expectPassed(await runGuest(settings, { lines: [disks] }), 100);
      expect(wrongWords(readFileSync(written))).toBe(0);
      expect(readFileSync(readonly).equals(image)).toBe(true);
    });
  });
}
