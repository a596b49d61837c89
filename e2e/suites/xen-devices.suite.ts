import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
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

const SECTOR = 512;
const WORDS_PER_SECTOR = SECTOR / 4;
const SECTORS = 8192;
/** What the block guest adds to the words that it writes, and how many sectors it writes from the middle on. */
const WRITTEN = 0x5a5a5a5a;
const WRITTEN_SECTORS = 64;

/** As `word` in e2e/guests/property/block.c. */
function imageWord(sector: number, i: number): number {
  return (Math.imul(sector, 0x9e3779b1) + Math.imul(i, 0x85ebca6b) + 1) >>> 0;
}

function imageBytes(): Buffer {
  const image = Buffer.alloc(SECTORS * SECTOR);
  for (let sector = 0; sector < SECTORS; sector++) {
    for (let i = 0; i < WORDS_PER_SECTOR; i++) {
      image.writeUInt32LE(imageWord(sector, i), sector * SECTOR + i * 4);
    }
  }
  return image;
}

/** How many words of the written region are not what the guest has written. */
function wrongWords(image: Buffer): number {
  let wrong = 0;
  for (let sector = SECTORS / 2; sector < SECTORS / 2 + WRITTEN_SECTORS; sector++) {
    for (let i = 0; i < WORDS_PER_SECTOR; i++) {
      const expected = (imageWord(sector, i) + WRITTEN) >>> 0;
      if (image.readUInt32LE(sector * SECTOR + i * 4) !== expected) wrong++;
    }
  }
  return wrong;
}

function expectPassed({ stdout, stderr, status }: Finished, checks: number): void {
  const end = stdout.slice(-2000) + stderr;
  expect(failedChecks(stdout), end).toEqual([]);
  expect(passedChecks(stdout), end).toBeGreaterThanOrEqual(checks);
  expect(status).toBe(0);
}

/** Lines of the flood guest: their numbers, and the bytes of all up to the last. */
function floodOf(stdout: string): { numbers: number[]; bytes: Buffer } {
  const lines = stdout.split("\n").filter((line) => /^flood [0-9a-f]{8} /.test(line));
  return {
    numbers: lines.map((line) => Number.parseInt(line.slice(6, 14), 16)),
    bytes: Buffer.from(lines.map((line) => `${line}\n`).join(""), "latin1"),
  };
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
    const { numbers, bytes } = floodOf(result.stdout);
    const sum = /^flood: bytes=0x([0-9a-f]{8}) crc32=0x([0-9a-f]{8})$/m.exec(result.stdout);
    expect(
      sum?.slice(1).map((text) => Number.parseInt(text, 16)),
      result.stderr,
    ).toEqual([256 * 1024, crc32(bytes)]);
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
      const image = imageBytes();
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
