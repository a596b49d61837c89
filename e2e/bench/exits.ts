import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildGuests } from "../guests/build.ts";
import { patience } from "../support/patience.ts";
import { noKvm, pvhctl, root, withFolder } from "../support/programs.ts";
import { compare, interleaved } from "./measure.ts";

/** Fewer where all is slow. */
const iterations = Math.ceil(100_000 / patience);

/** One userspace exit (OUT), handled by the VMM and by a loop in C: same guest, same image; the guest takes the time. */
export async function benchExits(): Promise<string[]> {
  const reason = noKvm();
  if (reason !== undefined) throw new Error(reason);
  return withFolder("pvh-bench", async (folder) => {
    const { config, loopInC } = await prepareExits(folder);
    const cycles: Record<"vmm" | "c", number[]> = { vmm: [], c: [] };
    await interleaved(9, {
      vmm: async () => {
        cycles.vmm.push(guestCycles((await pvhctl(["run", config])).stdout));
      },
      c: () => {
        cycles.c.push(loopInC());
      },
    });
    return [compare("one OUT exit", cycles.vmm, "loop in C", cycles.c, "TSC cycles")];
  });
}

/** The guest that makes exits: its config, and a way to run it in a loop in C, which returns TSC cycles of an exit. */
export async function prepareExits(folder: string): Promise<{ config: string; loopInC: () => number }> {
  const guests = await buildGuests();
  const inC = join(folder, "exits");
  const compiled = spawnSync("cc", ["-O2", "-o", inC, join(root, "e2e/bench/exits.c")], {
    encoding: "utf8",
  });
  if (compiled.status !== 0) throw new Error(`the C loop does not compile: ${compiled.stderr}`);

  const config = join(folder, "exits.cfg");
  const lines = [
    'name = "exits"',
    'type = "pvh"',
    `kernel = "${guests["direct-exits-bare"]}"`,
    "memory = 32",
    `cmdline = "iterations=${iterations}"`,
  ];
  writeFileSync(config, `${lines.join("\n")}\n`);
  const image = join(folder, "image");
  const built = await pvhctl(["build", config, "-o", image]);
  if (built.status !== 0) throw new Error(built.stderr);
  const { vcpu } = JSON.parse(readFileSync(`${image}.json`, "utf8"));
  const arguments_ = [image, vcpu.registers.rip, vcpu.registers.rbx, String(32 * 2 ** 20)];
  return {
    config,
    loopInC: () => guestCycles(spawnSync(inC, arguments_, { encoding: "utf8" }).stdout),
  };
}

/** The guest's own report: `exits: iterations=N cycles=M`. */
function guestCycles(output: string): number {
  const match = /iterations=(\d+) cycles=(\d+)/.exec(output);
  if (match === null) throw new Error(`the guest did not report: ${output}`);
  return Number(match[2]) / Number(match[1]);
}
