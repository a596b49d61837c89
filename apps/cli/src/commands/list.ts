import { type DomainSummary, PvhClient } from "@pvh/client";
import { type OutputOptions, print, printJson, table } from "../output.ts";

export async function list(
  socket: string | undefined,
  domain: string | undefined,
  { output }: OutputOptions,
): Promise<void> {
  const pvhd = new PvhClient(socket);
  // Asked for first, so that an unknown one is an error.
  const wanted = domain === undefined ? undefined : await pvhd.getDomain(domain);
  const all = await pvhd.listDomains();
  const domains = wanted === undefined ? all : all.filter(({ uuid }) => uuid === wanted.uuid);
  if (output === "json") printJson(domains);
  else print(table(["Name", "ID", "UUID", "Mem", "VCPUs", "Boot", "State", "Exit"], domains.map(row)));
}

function row(domain: DomainSummary): string[] {
  const { name, domid = "-", uuid, memory, vcpus, boot_interface: boot = "-", state, exit } = domain;
  return [name, String(domid), uuid, String(memory), String(vcpus), boot, state, exit?.reason ?? ""];
}
