import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { buildGuests } from "../guests/build.ts";
import { commandLine, ramdiskBytes } from "../guests/payload.ts";
import { entryGuestSettings, failedChecks, passedChecks, runGuest } from "../support/guest-runs.ts";
import { noKvm, pvhctl, root, withFolder } from "../support/programs.ts";
import { requireOrSkip } from "../support/require-or-skip.ts";

/** The state in which guests are entered, as guests see it. What each line means: e2e/guests. */

const ramdisk = ramdiskBytes();
let kernels: Record<string, string>;

beforeAll(async () => {
  kernels = await buildGuests();
});

/** Fewer lines than this mean that a guest skipped promises. */
const leastChecks = { "classic-entry": 165, "direct-entry": 90, "direct-entry-bare": 75 };
type EntryGuest = keyof typeof leastChecks;

function settings(guest: EntryGuest, options: { words?: string; memory?: number } = {}) {
  return entryGuestSettings(kernels[guest] ?? "", options);
}

function expectPass(guest: EntryGuest, result: { status: number | null; stdout: string; stderr: string }) {
  expect(failedChecks(result.stdout)).toEqual([]);
  expect(passedChecks(result.stdout), result.stdout + result.stderr).toBeGreaterThanOrEqual(
    leastChecks[guest],
  );
  expect(result.status).toBe(0);
}

describe.skipIf(requireOrSkip("entry state of guests", noKvm()))("entry state", () => {
  test.for<EntryGuest>(["classic-entry", "direct-entry", "direct-entry-bare"])("%s.cfg", async (guest) => {
    expectPass(guest, await pvhctl(["run", join(root, "e2e/guests", `${guest}.cfg`)]));
  });

  test.for<{ guest: EntryGuest; platform: "xen" | "bare" }>([
    { guest: "direct-entry", platform: "xen" },
    { guest: "direct-entry-bare", platform: "bare" },
  ])("platform auto of $guest is $platform", async ({ guest, platform }) => {
    const result = await runGuest(settings(guest));
    expect(result.stdout).toContain(`platform - ${platform}\n`);
    expectPass(guest, result);
  });

  test("a kernel with a hypercall page runs on the bare platform when asked to", async () => {
    const result = await runGuest({ ...settings("direct-entry"), platform: "bare" });
    expect(result.stdout).toContain("platform - bare\n");
    expectPass("direct-entry-bare", result);
  });

  test.for<[EntryGuest, number]>([
    ["classic-entry", 8],
    ["classic-entry", 512],
    ["direct-entry", 8],
    ["direct-entry", 4096],
    ["direct-entry-bare", 8],
    ["direct-entry-bare", 4096],
  ])("%s with %i MiB", async ([guest, memory]) => {
    expectPass(guest, await runGuest(settings(guest, { memory })));
  });

  test.for<EntryGuest>(["classic-entry", "direct-entry", "direct-entry-bare"])(
    "%s without a ramdisk",
    async (guest) => {
      const { kernel, memory } = settings(guest);
      const result = await runGuest({ kernel, memory, cmdline: commandLine({ memory }) });
      expect(failedChecks(result.stdout)).toEqual([]);
      expect(result.stdout).toContain("ok - ramdisk-absent-size");
      expect(result.status).toBe(0);
    },
  );

  test.for<EntryGuest>(["classic-entry", "direct-entry"])(
    "%s gets a gzip ramdisk unpacked",
    async (guest) => {
      await withFolder("pvh-ramdisk", async (folder) => {
        const packed = join(folder, "ramdisk.gz");
        writeFileSync(packed, gzipSync(ramdisk));
        expectPass(guest, await runGuest({ ...settings(guest), ramdisk: packed }));
      });
    },
  );

  test("classic-entry with the longest command line that start_info holds", async () => {
    const spare = 1023 - commandLine({ memory: 64, ramdisk, words: "" }).length;
    const longest = settings("classic-entry", { words: "x".repeat(spare) });
    expect(longest.cmdline).toHaveLength(1023);
    expectPass("classic-entry", await runGuest(longest));
  });

  test("direct-entry with a command line of 3000 bytes", async () => {
    expectPass("direct-entry", await runGuest(settings("direct-entry", { words: "x".repeat(2900) })));
  });
});
