import { type Domain, PvhClient } from "@pvh/client";
import { formatTimings, type OutputOptions, print, printJson, properties } from "../output.ts";

export async function show(socket: string | undefined, id: string, { output }: OutputOptions): Promise<void> {
  const domain = await new PvhClient(socket).getDomain(id);
  if (output === "json") printJson(domain);
  else print(describe(domain));
}

function describe(domain: Domain): string {
  const { exit, config } = domain;
  const lines = properties({
    name: domain.name,
    uuid: domain.uuid,
    state: domain.state,
    memory: `${domain.memory} MiB`,
    vcpus: domain.vcpus,
    kernel: config.kernel,
    ramdisk: config.ramdisk,
    cmdline: config.cmdline,
    boot: domain.boot_interface,
    platform: domain.platform,
    created: domain.created_at,
    started: domain.started_at,
    pid: domain.pid,
    stages: domain.stages.length === 0 ? undefined : formatTimings(domain.stages),
    restarts: domain.restarts === 0 ? undefined : domain.restarts,
    exit: exit && `${exit.reason} at ${exit.at}${exit.detail === undefined ? "" : `: ${exit.detail}`}`,
    "last line": exit?.last_console_line,
  });
  return exit?.report === undefined ? lines : `${lines}\n\n${JSON.stringify(exit.report, null, 2)}`;
}
