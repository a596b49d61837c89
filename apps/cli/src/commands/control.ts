import { resolve } from "node:path";
import { type Domain, PvhClient, type Trigger } from "@pvh/client";
import { PvhError, printable, shown } from "@pvh/errors";
import { type OutputOptions, print, printJson, table } from "../output.ts";
import { parseCount } from "../sizes.ts";

/** What stands for "as it is". */
const UNCHANGED = "-";
const ALL = "all";

/**
 * @param vcpu a number, or `all`
 * @param hard CPUs that it may run on; `-` leaves them as they are
 * @param soft CPUs that it runs on when it can
 */
export async function vcpuPin(
  socket: string | undefined,
  id: string,
  vcpu: string,
  hard: string,
  soft: string | undefined,
  { output }: OutputOptions,
): Promise<void> {
  const domain = await new PvhClient(socket).pin(id, {
    ...(vcpu === ALL ? {} : { vcpu: parseCount("vcpu", vcpu) }),
    ...(hard === UNCHANGED ? {} : { cpus: hard }),
    ...(soft === undefined || soft === UNCHANGED ? {} : { cpus_soft: soft }),
  });
  if (output === "json") printJson(domain);
  else print(table(["VCPU", "CPUs", "Soft"], (domain.affinity ?? []).map(affinityRow)));
}

function affinityRow({ cpus, cpus_soft: soft }: { cpus: string; cpus_soft: string }, vcpu: number): string[] {
  return [String(vcpu), cpus, soft];
}

interface SchedOptions extends OutputOptions {
  domain?: string;
  weight?: string;
  cap?: string;
}

/** Shows the share of one domain, or of all that are live, and sets that of one. */
export async function sched(
  socket: string | undefined,
  id: string | undefined,
  { output, ...options }: SchedOptions,
): Promise<void> {
  const pvhd = new PvhClient(socket);
  const named = id ?? options.domain;
  const change = {
    ...(options.weight === undefined ? {} : { cpu_weight: parseCount("weight", options.weight) }),
    ...(options.cap === undefined ? {} : { cap: parseCount("cap", options.cap) }),
  };
  const changes = Object.keys(change).length > 0;
  if (named === undefined && changes) {
    throw new PvhError("USAGE", "A weight or a cap is one domain's; name the domain.", { field: "domain" });
  }
  const domains =
    named === undefined
      ? await scheduledDomains(pvhd)
      : [changes ? await pvhd.changeDomain(named, change) : await pvhd.getDomain(named)];
  if (output === "json") printJson(named === undefined ? domains : domains[0]);
  else print(table(["Name", "ID", "Weight", "Cap"], domains.map(shareRow)));
}

async function scheduledDomains(pvhd: PvhClient): Promise<Domain[]> {
  const all = await pvhd.listDomains();
  const live = await Promise.all(
    all.filter(({ exit }) => exit === undefined).map(({ uuid }) => pvhd.getDomain(uuid)),
  );
  return live.filter(({ cpu_weight: weight }) => weight !== undefined);
}

function shareRow({ name, domid, cpu_weight: weight, cap }: Domain): string[] {
  return [name, domid, weight, cap].map((value) => String(value ?? "-"));
}

export async function trigger(
  socket: string | undefined,
  id: string,
  name: Trigger,
  vcpu: string | undefined,
  { output }: OutputOptions,
): Promise<void> {
  const number = vcpu === undefined ? 0 : parseCount("vcpu", vcpu);
  const domain = await new PvhClient(socket).trigger(id, name, number);
  if (output === "json") printJson(domain);
  else print(`${domain.name} is ${domain.state}`);
}

const triggers: readonly Trigger[] = ["nmi", "reset", "init", "power"];

/** @throws PvhError USAGE */
export function triggerNamed(text: string): Trigger {
  const found = triggers.find((one) => one === text);
  if (found !== undefined) return found;
  const allowed = triggers.join(", ");
  throw new PvhError("USAGE", `trigger is ${shown(text)}; it must be one of ${allowed}.`, {
    field: "trigger",
    found: shown(text),
    allowed,
  });
}

export async function rename(
  socket: string | undefined,
  id: string,
  name: string,
  { output }: OutputOptions,
): Promise<void> {
  const domain = await new PvhClient(socket).rename(id, name);
  if (output === "json") printJson(domain);
  else print(`${printable(id)} is ${domain.name} now`);
}

/** @param file a relative path starts at the working folder */
export async function dumpCore(
  socket: string | undefined,
  id: string,
  file: string,
  { output }: OutputOptions,
): Promise<void> {
  const path = resolve(file);
  const domain = await new PvhClient(socket).dumpCore(id, path);
  if (output === "json") printJson(domain);
  else print(`the memory of ${domain.name} is in ${path}`);
}
