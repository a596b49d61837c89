/**
 * Runs in domain 0: has pvhd create a domain, kills it with SIGKILL when the creation has come to a point, starts it
 * again, and prints as JSON what is left that was not there before.
 *
 *     node e2e/xen/killed-daemon.ts POINT CONFIG
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseGuestConfig } from "@pvh/builder";
import { PvhClient } from "@pvh/client";
import { connectStore, type XenStore, xenRelease } from "@pvh/xenctl-ffi";
import { runningVersion, XenControl } from "@pvh/xenctl-ffi/native";
import { root } from "../support/programs.ts";
import { qemuProcesses } from "../support/qdisk-tools.ts";

/** What can be seen of a creation's progress from outside, in the order in which it happens. */
const points: Record<string, (seen: Seen) => Promise<unknown>> = {
  requested: () => sleep(100),
  domain: ({ control }) => until(() => control.domains().length > 1),
  store: ({ store }) => until(async () => (await store.list("/libxl")).some((domid) => domid !== "0")),
  console: ({ store }) =>
    until(async () => (await guestNodes(store, "console/tty")).some((tty) => tty !== "")),
  disk: ({ store }) => until(async () => (await store.list("/local/domain/0/backend/vbd")).length > 0),
  qemu: () => until(() => qemuProcesses().length > 0),
  qdisk: ({ store }) => until(async () => (await store.list("/local/domain/0/backend/qdisk")).length > 0),
  network: ({ store }) => until(async () => (await store.list("/local/domain/0/backend/vif")).length > 0),
  created: ({ created }) => created,
};

interface Seen {
  control: XenControl;
  store: XenStore;
  /** The answer of the request. */
  created: Promise<unknown>;
}

const [point = "", config = ""] = process.argv.slice(2);
const when = points[point];
if (when === undefined)
  throw new Error(`the first argument must be one of ${Object.keys(points).join(", ")}`);
const dir = mkdtempSync(join(tmpdir(), "pvh-killed-"));
const control = new XenControl(xenRelease(runningVersion()));
const store = await connectStore();
try {
  const before = traces(control, await store.list("/local/domain"));
  const daemon = await startDaemon();
  const client = new PvhClient(join(dir, "pvhd.sock"));
  const request = parseGuestConfig(readFileSync(config, "utf8"), { filename: config });
  const created = client.createDomain({ ...request, start_paused: true }).catch(() => {});
  await when({ control, store, created });
  daemon.kill("SIGKILL");
  await once(daemon, "exit");
  await created;
  const between = traces(control, await store.list("/local/domain"));

  const second = await startDaemon();
  // A domain whose creation was answered is one that must be found again, so it is ended as others are.
  const domains = await client.listDomains();
  for (const { uuid } of domains) await client.deleteDomain(uuid);
  second.kill("SIGTERM");
  await once(second, "exit");
  const left = await settled(before);
  console.log(JSON.stringify({ point, found: domains.length, between, before, left }));
} finally {
  store.close();
  rmSync(dir, { recursive: true, force: true });
}

/** Memory is given back some time after a domain is gone. */
async function settled(before: Traces): Promise<Traces> {
  for (let attempt = 0; ; attempt++) {
    const now = traces(control, await store.list("/local/domain"), await storeNodes());
    if (attempt === 50 || now.freePages >= before.freePages) return now;
    await sleep(200);
  }
}

interface Traces {
  domains: number[];
  homes: string[];
  loopFiles: string[];
  interfaces: string[];
  userData: number;
  qemus: number;
  freePages: number;
  nodes: string[];
}

function traces(control: XenControl, homes: string[], nodes: string[] = []): Traces {
  return {
    domains: control.domains().map(({ domain }) => domain),
    homes,
    loopFiles: globSync("/sys/block/loop*/loop/backing_file").map((file) =>
      readFileSync(file, "utf8").trim(),
    ),
    interfaces: globSync("/sys/class/net/vif*"),
    userData: globSync("/var/lib/xen/userdata-*").length,
    qemus: qemuProcesses().length,
    freePages: Number(control.physInfo().free_pages),
    nodes,
  };
}

/** What belongs to guests; the directories above stay in any case. */
async function storeNodes(): Promise<string[]> {
  const kinds = await store.list("/local/domain/0/backend");
  const directories = ["/libxl", "/vm", ...kinds.map((kind) => `/local/domain/0/backend/${kind}`)];
  const lists = await Promise.all(
    directories.map(async (path) => (await store.list(path)).map((name) => `${path}/${name}`)),
  );
  return lists.flat();
}

async function guestNodes(store: XenStore, node: string): Promise<string[]> {
  const domids = (await store.list("/local/domain")).filter((domid) => domid !== "0");
  const values = await Promise.all(domids.map((domid) => store.read(`/local/domain/${domid}/${node}`)));
  return values.filter((value) => value !== undefined);
}

async function startDaemon(): Promise<ChildProcess> {
  const options = ["--socket", join(dir, "pvhd.sock"), "--state", join(dir, "state")];
  const daemon = spawn(join(root, "packages/daemon/bin/pvhd"), options, {
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const chunk of daemon.stdout ?? []) if (String(chunk).includes("listening")) return daemon;
  throw new Error("pvhd did not start");
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 60_000; !(await condition()); ) {
    if (Date.now() > deadline) throw new Error("the creation never came to that point");
    await sleep(1);
  }
}
