import { type DomainSummary, PvhClient } from "@pvh/client";
import { printable } from "@pvh/errors";
import { type OutputOptions, print, printJson, table } from "../output.ts";

interface ListOptions extends OutputOptions {
  /** Also domains that pvhd has not made. */
  all?: boolean;
}

export async function list(
  socket: string | undefined,
  domain: string | undefined,
  { output, all = false }: ListOptions,
): Promise<void> {
  const pvhd = new PvhClient(socket);
  const there = await pvhd.listDomains(all);
  const domains = domain === undefined ? there : [await chosen(pvhd, there, domain)];
  if (output === "json") printJson(domains);
  else print(table(["Name", "ID", "UUID", "Mem", "VCPUs", "Boot", "State", "Exit"], domains.map(row)));
}

async function chosen(pvhd: PvhClient, there: DomainSummary[], id: string): Promise<DomainSummary> {
  const foreign = there.find(
    (one) => one.foreign === true && [one.name, one.uuid, String(one.domid)].includes(id),
  );
  if (foreign !== undefined) return foreign;
  // An unknown one is an error.
  const { uuid } = await pvhd.getDomain(id);
  return there.find((one) => one.uuid === uuid) ?? (await pvhd.getDomain(uuid));
}

function row(domain: DomainSummary): string[] {
  const { name, domid = "-", uuid, memory, vcpus, boot_interface: boot = "-", exit } = domain;
  const cells = [printable(name) || "-", String(domid), uuid, String(memory), String(vcpus), boot];
  return [...cells, stateWords(domain), exit?.reason ?? ""];
}

/** What pvhd cannot be asked to do anything to is told from the rest. */
function stateWords({ state, preserved, foreign }: DomainSummary): string {
  if (foreign === true) return `${state},foreign`;
  return preserved === true ? `${state},preserved` : state;
}
