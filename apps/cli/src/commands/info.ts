import { type Host, PvhClient } from "@pvh/client";
import { printable } from "@pvh/errors";
import { type OutputOptions, print, printJson, properties } from "../output.ts";

export async function info(socket: string | undefined, { output }: OutputOptions): Promise<void> {
  const host = await new PvhClient(socket).getHost();
  if (output === "json") printJson(host);
  else print(hostText(host));
}

export function hostText(host: Host): string {
  const { backend, version, device, usable, problem, capabilities, cpupools = [] } = host;
  return properties({
    backend,
    version,
    device,
    usable: usable ? "yes" : `no: ${problem?.detail ?? "nobody says why"}`,
    memory_total: mib(host.memory_total),
    memory_available: mib(host.memory_available),
    capabilities:
      capabilities === undefined
        ? undefined
        : Object.entries(capabilities)
            .filter(([, answer]) => answer !== 0)
            .map(([name, answer]) => (answer === 1 ? name : `${name}=${answer}`))
            .join(" "),
    cpupools:
      cpupools.length === 0
        ? undefined
        : cpupools
            .map(
              ({ name, scheduler, cpus, domains }) =>
                `${printable(name)} (${scheduler}, CPUs ${cpus}, domains ${domains})`,
            )
            .join(", "),
  });
}

function mib(size: number | undefined): string | undefined {
  return size === undefined ? undefined : `${size} MiB`;
}
