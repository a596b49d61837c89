import { beforeAll, describe, expect, test } from "vitest";
import { buildGuests } from "../guests/build.ts";
import { passedChecks, runGuest } from "../support/guest-runs.ts";
import { noKvm } from "../support/programs.ts";
import { requireOrSkip } from "../support/require-or-skip.ts";

/** Each way in which a guest ends is told apart by the exit status of `pvhctl run`. */

let kernels: Record<string, string>;

beforeAll(async () => {
  kernels = await buildGuests();
});

const status = { poweroff: 0, reboot: 10, crash: 12, "triple-fault": 15, "bad-instruction": 16 };

const variants = ["classic-NAME", "direct-NAME", "direct-NAME-bare"];
const cases = variants.flatMap((variant) =>
  Object.entries(status).map(([name, expected]) => ({
    guest: variant.replace("NAME", name),
    name,
    expected,
  })),
);

describe.skipIf(requireOrSkip("ways a guest ends", noKvm()))("a guest that ends", () => {
  test.for(cases)("$guest", async ({ guest, name, expected }) => {
    const result = await runGuest({ kernel: kernels[guest] ?? "" });
    expect(result.stdout).toContain(`${name}: now\n`);
    // The bare platform has no way to say "crashed": there it is a triple fault.
    expect(result.status, result.stderr).toBe(
      guest === "direct-crash-bare" ? status["triple-fault"] : expected,
    );
  });

  test("direct-reboot-bare through the keyboard controller", async () => {
    const kernel = kernels["direct-reboot-bare"] ?? "";
    expect((await runGuest({ kernel, cmdline: "reboot=keyboard" })).status).toBe(status.reboot);
  });

  test.for(["classic-mmio", "direct-mmio", "direct-mmio-bare"])(
    "%s goes on after absent memory",
    async (guest) => {
      const result = await runGuest({ kernel: kernels[guest] ?? "" });
      expect(passedChecks(result.stdout), result.stdout).toBe(4);
      expect(result.status).toBe(0);
    },
  );

  test.for([
    ["classic-hostile", 73],
    ["direct-hostile", 43],
    ["direct-hostile-bare", 3],
  ] as const)("%s does not get the better of the VMM", async ([guest, checks]) => {
    const result = await runGuest({ kernel: kernels[guest] ?? "" });
    expect(passedChecks(result.stdout), result.stdout.slice(-2000)).toBe(checks);
    expect(result.status, result.stderr).toBe(0);
  });

  test.for(["classic-echo", "direct-echo", "direct-echo-bare"])(
    "%s answers on the serial port",
    async (guest) => {
      const input = "hello\nsecond line with blanks\nquit\n";
      const result = await runGuest({ kernel: kernels[guest] ?? "" }, { input });
      expect(result.stdout).toContain("echo: ready\necho: hello\necho: second line with blanks\necho: bye\n");
      expect(result.status).toBe(0);
    },
  );

  test.for(["classic-exits", "direct-exits", "direct-exits-bare"])("%s counts its exits", async (guest) => {
    const result = await runGuest({ kernel: kernels[guest] ?? "", cmdline: "iterations=1234" });
    expect(result.stdout).toMatch(/^exits: iterations=1234 cycles=\d+$/m);
    expect(result.status).toBe(0);
  });
});
