import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { buildGuests, ramdiskPath } from "../guests/build.ts";
import { commandLine, ramdiskBytes } from "../guests/payload.ts";
import { requireOrSkip } from "../hosts/require-or-skip.ts";
import { failedChecks, type GuestSettings, passedChecks, runGuest } from "../support/guest-runs.ts";
import { noKvm, pvhctl, root, withFolder } from "../support/programs.ts";

/** The state in which guests are entered, as guests see it. What each line means: e2e/guests. */

const ramdisk = ramdiskBytes();
let kernels: Record<string, string>;

beforeAll(async () => {
  kernels = await buildGuests();
});

/** Fewer lines than this mean that a guest skipped promises. */
const leastChecks = { "classic-entry": 165, "direct-entry": 90, "direct-entry-bare": 75 };
type EntryGuest = keyof typeof leastChecks;

function expectPass(guest: EntryGuest, result: { status: number | null; stdout: string; stderr: string }) {
  expect(failedChecks(result.stdout)).toEqual([]);
  expect(passedChecks(result.stdout), result.stdout + result.stderr).toBeGreaterThanOrEqual(
    leastChecks[guest],
  );
  expect(result.status).toBe(0);
}

function settings(guest: EntryGuest, words?: string, memory = 64): GuestSettings & { memory: number } {
  return {
    kernel: kernels[guest] ?? "",
    memory,
    ramdisk: ramdiskPath,
    cmdline: commandLine({ memory, ramdisk, ...(words === undefined ? {} : { words }) }),
  };
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
    ["classic-entry", 255],
    ["classic-entry", 512],
    ["direct-entry", 8],
    ["direct-entry", 4096],
    ["direct-entry-bare", 8],
    ["direct-entry-bare", 4096],
  ])("%s with %i MiB", async ([guest, memory]) => {
    expectPass(guest, await runGuest(settings(guest, undefined, memory)));
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
    const longest = settings("classic-entry", "x".repeat(spare));
    expect(longest.cmdline).toHaveLength(1023);
    expectPass("classic-entry", await runGuest(longest));
  });

  test("direct-entry with a command line of 3000 bytes", async () => {
    expectPass("direct-entry", await runGuest(settings("direct-entry", "x".repeat(2900))));
  });
});

/**
 * Negative controls: a mutation damages one thing before the guest looks. The guest must find that, and nothing that
 * does not follow from it; and the run must not pass.
 */
const crashed = 12;
const tripleFault = 15;

const mutations: Record<"classic-entry" | "direct-entry", Record<string, string[]>> = {
  "classic-entry": {
    rbx: ["rbx"],
    rflags: ["rflags"],
    cr0: ["cr0-wp", "cr0"],
    cr4: ["cr4"],
    efer: ["efer-sce", "efer"],
    "cs-l": ["cs-l"],
    "gs-base": ["gs-base"],
    ds: ["ds-selector"],
    idt: ["idt-limit"],
    bss: ["bss-zero"],
    magic: ["magic"],
    "nr-pages": ["nr-pages", "memory-map-ram"],
    flags: ["flags"],
    "same-page": ["regions-apart"],
    "shared-info-moved": ["regions-apart", "shared-info-reserved", "upcall-mask"],
    p2m: ["mfn-list-identity"],
    "pt-base": ["pt-base", "regions-apart", "stack-after-tables"],
    "leaf-user": ["l1-entries"],
    "leaf-clean": ["l1-entries"],
    alias: ["l4-entries"],
    "upper-supervisor": ["l2-entries"],
    "stack-low": ["stack-slack"],
    "upcall-mask": ["upcall-mask"],
    "evtchn-mask": ["evtchn-bitmaps-zero"],
    ramdisk: ["ramdisk-intact"],
    "ramdisk-tail": ["ramdisk-tail-zero"],
    cmdline: ["memory-given", "nr-pages", "cmdline-intact"],
    "cmdline-tail": ["cmd-line-rest-zero"],
    "stub-number": ["stub-numbers"],
    "stub-iret": ["stub-iret-ud2"],
  },
  "direct-entry": {
    cr0: ["cr0-ne-wp-am", "cr0"],
    cr4: ["cr4"],
    efer: ["efer"],
    eflags: ["eflags-if"],
    "cs-d": ["cs-32-bit"],
    bss: ["bss-zero"],
    version: ["version"],
    flags: ["flags"],
    modules: ["nr-modules", "regions-apart"],
    "module-address": ["regions-apart", "ramdisk-intact", "ramdisk-tail-zero"],
    "ram-total": ["memmap-ram-total", "memory-map-same"],
    "map-type": [
      "module-in-ram",
      "regions-in-ram",
      "memmap-starts-with-ram",
      "memmap-ram-total",
      "memory-map-same",
    ],
    ramdisk: ["ramdisk-intact"],
    cmdline: ["memory-given", "memmap-ram-total", "cmdline-intact"],
    rsdp: ["rsdp"],
  },
};

describe.skipIf(requireOrSkip("mutated entry states", noKvm()))("mutated entry state", () => {
  describe.each(["classic-entry", "direct-entry"] as const)("%s", (guest) => {
    test.for(Object.entries(mutations[guest]))("%s", async ([mutation, expected]) => {
      const { status, stdout } = await runGuest(settings(guest, `mutate=${mutation}`, 16));
      expect(stdout).toContain(`mutation - ${mutation}\n`);
      expect(failedChecks(stdout)).toEqual(expected);
      expect(stdout).toMatch(new RegExp(`^VERDICT FAIL ${expected.length} of \\d+$`, "m"));
      expect(status).toBe(crashed);
    });
  });

  test("on the bare platform, which knows no crash, a failed check ends in a triple fault", async () => {
    const { status, stdout } = await runGuest(settings("direct-entry-bare", "mutate=version", 16));
    expect(failedChecks(stdout)).toEqual(["version"]);
    expect(status).toBe(tripleFault);
  });

  test("a wrong expectation fails: memory_mib says more than there is", async () => {
    const wrong = settings("classic-entry", undefined, 16);
    const { status, stdout } = await runGuest({ ...wrong, memory: 15 });
    expect(failedChecks(stdout)).toEqual(["nr-pages"]);
    expect(stdout).toContain("FAIL - nr-pages: found 0xf00, expected 0x1000\n");
    expect(status).toBe(crashed);
  });
});
