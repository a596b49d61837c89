import { type Domain, type DomainChange, PvhClient } from "@pvh/client";
import { type OutputOptions, print, printJson } from "../output.ts";
import { parseCount, parseMemory } from "../sizes.ts";

/** @param size xl's notation */
export async function memSet(
  socket: string | undefined,
  id: string,
  size: string,
  options: OutputOptions,
): Promise<void> {
  await change(socket, id, { memory: parseMemory(size) }, options);
}

export async function vcpuSet(
  socket: string | undefined,
  id: string,
  count: string,
  options: OutputOptions,
): Promise<void> {
  await change(socket, id, { vcpus: parseCount("vcpus", count) }, options);
}

/** @param size xl's notation */
export async function memMax(
  socket: string | undefined,
  id: string,
  size: string,
  options: OutputOptions,
): Promise<void> {
  await change(socket, id, { maxmem: parseMemory(size) }, options);
}

async function change(
  socket: string | undefined,
  id: string,
  wanted: DomainChange,
  { output }: OutputOptions,
): Promise<void> {
  const domain = await new PvhClient(socket).changeDomain(id, wanted);
  if (output === "json") printJson(domain);
  else print(`${domain.name} ${progress(domain, wanted)}`);
}

/** The guest follows in its own time, or never. */
function progress(domain: Domain, { memory, vcpus, maxmem }: DomainChange): string {
  if (maxmem !== undefined) return `can be told to have up to ${maxmem} MiB`;
  if (memory !== undefined) return `is told to have ${memory} MiB, has ${domain.memory_now ?? "none"}`;
  return `is told to have ${vcpus} vCPUs online, has ${domain.vcpus_online ?? "none"}`;
}
