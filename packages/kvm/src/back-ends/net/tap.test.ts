import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const program = fileURLToPath(new URL("tap.testing.ts", import.meta.url));

/** In a network namespace that is there for this run only: the machine's interfaces are not touched. */
function inNamespace(command: string, ...args: string[]) {
  return spawnSync("unshare", ["--net", command, ...args], { encoding: "utf8", timeout: 60_000 });
}

/** Why this machine cannot run the tests, or undefined. In CI it must. */
function missing(): string | undefined {
  const reason = whyNot();
  if (reason !== undefined && process.env.CI === "true") throw new Error(reason);
  return reason;
}

function whyNot(): string | undefined {
  try {
    accessSync("/dev/net/tun", constants.R_OK | constants.W_OK);
  } catch {
    return "/dev/net/tun cannot be opened: load the kernel module tun";
  }
  const { status } = inNamespace("ip", "link", "add", "br0", "type", "bridge");
  return status === 0
    ? undefined
    : "no network namespace with a bridge can be made: run as root, with unshare (util-linux), ip (iproute2) and the kernel module bridge";
}

const reason = missing();

test.skipIf(reason !== undefined).for(["udp", "segments", "refusals"])(
  `a real TAP: %s ${reason ?? ""}`,
  (name) => {
    const { status, stderr } = inNamespace(process.execPath, program, name);
    expect(status, stderr).toBe(0);
  },
);
