import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "../support/programs.ts";

interface Figure {
  what: string;
  perSecond: number;
  cpuMicroseconds: number;
}

/** The network back end on TAPs in a network namespace of its own, beside bare writes to a TAP. No guest takes part. */
export async function benchNet(): Promise<string[]> {
  const program = join(root, "packages/kvm/src/back-ends/net/tap.testing.ts");
  const args = ["--net", process.execPath, program, "figures"];
  const { status, stdout, stderr } = spawnSync("unshare", args, { encoding: "utf8" });
  if (status !== 0) {
    throw new Error(`it needs root, unshare, ip, and the kernel modules tun and bridge: ${stderr}`);
  }
  return stdout
    .trim()
    .split("\n")
    .map((line) => {
      const { what, perSecond, cpuMicroseconds }: Figure = JSON.parse(line);
      return `${what}: ${perSecond} packets/s, ${cpuMicroseconds.toFixed(1)} us of CPU each`;
    });
}
