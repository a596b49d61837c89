/** Runs in domain 0 for `npm run bench xen`: prints figures of creating and destroying domains, pvhd's and xl's. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DomainRequest, PvhClient } from "@pvh/client";
import { root } from "../support/programs.ts";
import { compare, quantile } from "./measure.ts";

const ROUNDS = 5;
/** Of pvhd, which runs for months: its code is compiled then. */
const WARM_UP = 5;
const SMALL_DOMAINS = 200;
/** Of kernels, so far. */
let copies = 0;

const dir = mkdtempSync(join(tmpdir(), "pvh-bench-"));
const state = join(dir, "state");
const client = new PvhClient(join(dir, "pvhd.sock"));
const daemon = spawn(
  join(root, "packages/daemon/bin/pvhd"),
  ["--socket", join(dir, "pvhd.sock"), "--state", state],
  { stdio: ["ignore", "pipe", "ignore"] },
);
for await (const chunk of daemon.stdout) if (String(chunk).includes("listening")) break;
try {
  const bzImage = join(root, ".cache/kernels/amd64/vmlinuz");
  const elf = join(root, ".cache/kernels/amd64/vmlinux");
  const same = async (kernel: string) => kernel;
  // pvhd keeps the last kernel in memory for a while.
  const afterAnother = async (kernel: string) => {
    await createOnce(kernel === elf ? bzImage : elf);
    return kernel;
  };
  await figures("warm-up", bzImage, 1, same);
  for (let i = 0; i < WARM_UP; i++) await createOnce(elf);
  console.log(await figures("XZ bzImage, cold", bzImage, 3, copyOf));
  console.log(await figures("XZ bzImage, unpacked before", bzImage, ROUNDS, same));
  console.log(
    ...(await figures("XZ bzImage, unpacked before, after another", bzImage, ROUNDS, afterAnother)),
  );
  console.log(await figures("the same as ELF", elf, ROUNDS, same));
  console.log(await figures("the same as ELF, after another", elf, ROUNDS, afterAnother));
  console.log(await growth());
} finally {
  daemon.kill("SIGTERM");
  await once(daemon, "exit");
  rmSync(dir, { recursive: true, force: true });
}

async function createOnce(kernel: string): Promise<void> {
  await create({ name: "other", type: "pvh", kernel, memory: 512 });
  await client.deleteDomain("other");
}

/** What pvhd has not seen yet. */
async function copyOf(kernel: string): Promise<string> {
  const copy = join(dir, `kernel-${copies++}`);
  copyFileSync(kernel, copy);
  return copy;
}

/** @param prepare gives the file that pvhd is to start */
async function figures(
  what: string,
  kernel: string,
  rounds: number,
  prepare: (kernel: string) => Promise<string>,
): Promise<string> {
  const config = join(dir, "guest.cfg");
  writeFileSync(
    config,
    `name = "xl"\ntype = "pvh"\nkernel = "${kernel}"\nmemory = 512\ncmdline = "console=hvc0"\n`,
  );
  const times = {
    create: { ours: [] as number[], xl: [] as number[] },
    destroy: { ours: [] as number[], xl: [] as number[] },
  };
  for (let round = 0; round < rounds; round++) {
    const prepared = await prepare(kernel);
    const request = { type: "pvh", kernel: prepared, memory: 512, cmdline: "console=hvc0" } as const;
    times.create.ours.push(await timed(() => create({ ...request, name: "ours" })));
    times.destroy.ours.push(await timed(() => client.deleteDomain("ours")));
    times.create.xl.push(await timed(async () => execFileSync("xl", ["create", "-q", "-p", config])));
    times.destroy.xl.push(await timed(async () => execFileSync("xl", ["destroy", "xl"])));
  }
  return [
    compare(`create -p of 512 MiB, ${what}`, times.create.ours, "xl", times.create.xl),
    compare(`destroy, ${what}`, times.destroy.ours, "xl", times.destroy.xl),
  ].join("\n");
}

/** Whether the many domains that there are slow down the next one. */
async function growth(): Promise<string> {
  const kernel = join(root, "e2e/guests/build/direct-spin.elf");
  const times: number[] = [];
  for (let i = 1; i <= SMALL_DOMAINS; i++) {
    times.push(await timed(() => create({ name: `small-${i}`, type: "pvh", kernel, memory: 8 })));
  }
  for (let i = 1; i <= SMALL_DOMAINS; i++) await client.deleteDomain(`small-${i}`);
  // Single creations vary more than the figure that is looked for.
  const around = (n: number) => quantile(times.slice(Math.max(0, n - 3), n + 2), 0.5);
  const [first, twentieth, last] = [around(3), around(20), around(SMALL_DOMAINS - 2)];
  const ms = (value: number) => `${value.toFixed(0)} ms`;
  return `create -p of small domains: the first ${ms(first)}, the 20th ${ms(twentieth)} (${(twentieth / first).toFixed(2)} x), the 200th ${ms(last)} (${(last / first).toFixed(2)} x)`;
}

async function create(request: Omit<DomainRequest, "start_paused">): Promise<void> {
  await client.createDomain({ ...request, start_paused: true });
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}
