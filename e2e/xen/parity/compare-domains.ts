/**
 * Runs in domain 0: a paused domain made by xl and one made by pvhd from the same config; prints as JSON all that differs.
 *
 *     node e2e/xen/parity/compare-domains.ts CONFIG
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DomainImage, parseGuestConfig, planDomain } from "@pvh/builder";
import { PvhClient } from "@pvh/client";
import { readKernel, readRamdisk } from "@pvh/kvm";
import { connectStore, xenRelease } from "@pvh/xenctl-ffi";
import { ForeignMemory, runningVersion, XenControl } from "@pvh/xenctl-ffi/native";
import { root } from "../../support/programs.ts";
import { type Snapshot, snapshot } from "./snapshot.ts";

const [config = ""] = process.argv.slice(2);
const request = parseGuestConfig(readFileSync(config, "utf8"), { filename: config });
const dir = mkdtempSync(join(tmpdir(), "pvh-parity-"));
const host = {
  control: new XenControl(xenRelease(runningVersion())),
  memory: new ForeignMemory(),
  store: await connectStore(),
};
try {
  const image = plan();
  const xl = await madeByXl(image);
  const ours = await madeByPvhd(image);
  console.log(JSON.stringify(differences(image, xl, ours)));
} finally {
  host.store.close();
  rmSync(dir, { recursive: true, force: true });
}

function plan(): DomainImage {
  return planDomain({
    config: request,
    kernel: readKernel(request.kernel),
    ramdisk:
      request.ramdisk === undefined ? undefined : readRamdisk(request.ramdisk, request.memory * 2 ** 20),
    platform: "xen",
    hypercallTrap: { kind: "vmmcall" },
    hypervisor: { acpiMemoryType: "acpi", smpShims: false },
  });
}

async function madeByXl(image: DomainImage): Promise<Snapshot> {
  execFileSync("xl", ["create", "-q", "-p", config], { stdio: ["ignore", "ignore", "inherit"] });
  try {
    const domid = Number(execFileSync("xl", ["domid", request.name], { encoding: "utf8" }));
    const vm = (await host.store.read(`/local/domain/${domid}/vm`)) ?? "";
    return await snapshot(host, domid, vm.slice("/vm/".length), image.ram);
  } finally {
    execFileSync("xl", ["destroy", request.name]);
  }
}

async function madeByPvhd(image: DomainImage): Promise<Snapshot> {
  const socket = join(dir, "pvhd.sock");
  const daemon = spawn(
    join(root, "packages/daemon/bin/pvhd"),
    ["--socket", socket, "--state", join(dir, "state")],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  for await (const chunk of daemon.stdout) if (String(chunk).includes("listening")) break;
  const client = new PvhClient(socket);
  try {
    const {
      domain: { uuid, domid },
    } = await client.createDomain({ ...request, start_paused: true });
    const taken = await snapshot(host, domid ?? 0, uuid, image.ram);
    await client.deleteDomain(uuid);
    return taken;
  } finally {
    daemon.kill("SIGTERM");
    await once(daemon, "exit");
  }
}

interface Difference {
  what: string;
  xl: string | undefined;
  pvhd: string | undefined;
}

/** Pages by the name of what our plan has there, all of one name together. */
function differences(image: DomainImage, xl: Snapshot, pvhd: Snapshot): Difference[] {
  const found = new Map<string, Difference>();
  for (const name of new Set([...xl.keys(), ...pvhd.keys()])) {
    const [theirs, ours] = [xl.get(name), pvhd.get(name)];
    if (theirs === ours) continue;
    const page = /^page (0x[0-9a-f]+)$/.exec(name)?.[1];
    if (page === undefined) {
      found.set(name, { what: name, xl: theirs, pvhd: ours });
      continue;
    }
    const what = `memory: ${regionAt(image, Number(page))}`;
    const before = found.get(what);
    const add = (list: string | undefined, digest: string | undefined) =>
      `${list === undefined ? "" : `${list} `}${page}=${digest ?? "zero"}`.slice(0, 400);
    found.set(what, { what, xl: add(before?.xl, theirs), pvhd: add(before?.pvhd, ours) });
  }
  return [...found.values()];
}

function regionAt(image: DomainImage, page: number): string {
  const here = image.regions.filter(({ gpa, size }) => gpa < page + 4096 && page < gpa + size);
  return here.length === 0 ? "nothing of the plan" : here.map(({ name }) => name).join(", ");
}
