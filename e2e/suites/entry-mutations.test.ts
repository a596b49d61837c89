import { beforeAll, describe, expect, test } from "vitest";
import { buildGuests } from "../guests/build.ts";
import { entryGuestSettings, failedChecks, runGuest } from "../support/guest-runs.ts";
import { noKvm } from "../support/programs.ts";
import { requireOrSkip } from "../support/require-or-skip.ts";

/**
 * Negative controls: a mutation damages one thing before the guest looks. The guest must find that, and nothing that
 * does not follow from it; and the run must not pass.
 */

let kernels: Record<string, string>;

beforeAll(async () => {
  kernels = await buildGuests();
});

function settings(guest: string, words?: string) {
  return entryGuestSettings(kernels[guest] ?? "", { memory: 16, ...(words === undefined ? {} : { words }) });
}

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
    "shared-info-moved": ["regions-apart", "shared-info-reserved", "upcall-mask", "evtchn-bitmaps-zero"],
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
  // Several at once: they wait for their processes most of the time.
  describe.concurrent.each(["classic-entry", "direct-entry"] as const)("%s", (guest) => {
    test.for(Object.entries(mutations[guest]))("%s", async ([mutation, expected]) => {
      const { status, stdout } = await runGuest(settings(guest, `mutate=${mutation}`));
      expect(stdout).toContain(`mutation - ${mutation}\n`);
      expect(failedChecks(stdout)).toEqual(expected);
      expect(stdout).toMatch(new RegExp(`^VERDICT FAIL ${expected.length} of \\d+$`, "m"));
      expect(status).toBe(crashed);
    });
  });

  test("on the bare platform, which knows no crash, a failed check ends in a triple fault", async () => {
    const { status, stdout } = await runGuest(settings("direct-entry-bare", "mutate=version"));
    expect(failedChecks(stdout)).toEqual(["version"]);
    expect(status).toBe(tripleFault);
  });

  test("a wrong expectation fails: memory_mib says more than there is", async () => {
    const wrong = settings("classic-entry");
    const { status, stdout } = await runGuest({ ...wrong, memory: 15 });
    expect(failedChecks(stdout)).toEqual(["nr-pages"]);
    expect(stdout).toContain("FAIL - nr-pages: found 0xf00, expected 0x1000\n");
    expect(status).toBe(crashed);
  });
});
