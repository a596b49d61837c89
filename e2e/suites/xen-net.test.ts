import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { buildGuests } from "../guests/build.ts";
import { failedChecks, passedChecks } from "../support/guest-runs.ts";
import { patience } from "../support/patience.ts";
import { noKvm, root } from "../support/programs.ts";
import { requireOrSkip } from "../support/require-or-skip.ts";

/** Network interfaces of guests on a bridge, in a network namespace of each test's own: the machine's stay untouched. */

let kernels: Record<string, string>;

beforeAll(async () => {
  kernels = await buildGuests();
});

function inNamespace(command: string, ...args: string[]) {
  return spawnSync("unshare", ["--net", command, ...args], {
    encoding: "utf8",
    cwd: root,
    // Later than pvhctl's own limit, which ends the guest as well.
    timeout: 90_000 * patience,
  });
}

function noNamespace(): string | undefined {
  try {
    accessSync("/dev/net/tun", constants.R_OK | constants.W_OK);
  } catch {
    return "/dev/net/tun cannot be opened: load the kernel module tun, or run as root";
  }
  const { status } = inNamespace("ip", "link", "add", "br0", "type", "bridge");
  if (status === 0) return undefined;
  return "no network namespace with a bridge can be made: run as root, with unshare (util-linux), ip (iproute2) and the kernel module bridge";
}

describe.skipIf(requireOrSkip("network interfaces of guests", noKvm() ?? noNamespace()))(
  "a guest with a network interface",
  () => {
    test.for([
      ["classic-net", "ring"],
      ["direct-net", "ring"],
      ["classic-net", "size"],
    ] as const)("%s talks to the host over a bridge, then breaks the protocol (%s)", ([guest, attack]) => {
      const peer = join(root, "e2e/support/net-peer.ts");
      const { stdout, stderr, status } = inNamespace(
        process.execPath,
        peer,
        kernels[guest] ?? "",
        `attack=${attack}`,
      );
      const end = stdout.slice(-2000) + stderr;
      expect(failedChecks(stdout), end).toEqual([]);
      expect(passedChecks(stdout), end).toBeGreaterThanOrEqual(45);
      expect(stdout).toMatch(/^net: packets=1000 nanoseconds=\d+$/m);
      expect(status).toBe(0);
    });
  },
);
