import { type Domain, PvhClient } from "@pvh/client";
import { formatTimings, type OutputOptions, print, printJson, properties } from "../output.ts";

type Report = NonNullable<NonNullable<Domain["exit"]>["report"]>;

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
    domid: domain.domid,
    state: domain.preserved === true ? `${domain.state}, preserved` : domain.state,
    memory: now(domain.memory_now, `${domain.memory} MiB`),
    maxmem: now(domain.maxmem_now, `${config.maxmem ?? config.memory} MiB`),
    vcpus: now(domain.vcpus_online, String(domain.vcpus), domain.vcpus_max),
    weight: domain.cpu_weight,
    cap: domain.cap === 0 ? "none" : domain.cap,
    cpus: domain.affinity && describeAffinity(domain.affinity),
    kernel: config.kernel,
    ramdisk: config.ramdisk,
    cmdline: config.cmdline,
    boot: domain.boot_interface,
    platform: domain.platform,
    devices: domain.devices?.map(({ name, state }) => `${name} (${state})`).join(", ") || undefined,
    created: domain.created_at,
    started: domain.started_at,
    pid: domain.pid,
    stages: domain.stages.length === 0 ? undefined : formatTimings(domain.stages),
    restarts: domain.restarts === 0 ? undefined : domain.restarts,
    exit: exit && `${exit.reason} at ${exit.at}${exit.detail === undefined ? "" : `: ${exit.detail}`}`,
    "last line": exit?.last_console_line,
    "core dump": exit?.core_dump,
  });
  return exit?.report === undefined ? lines : `${lines}\n\n${describeReport(exit.report)}`;
}

/** What the config says, and what it is at the moment. */
function now(current: number | undefined, configured: string, max?: number): string {
  const most = max === undefined ? "" : ` of ${max}`;
  return current === undefined ? configured : `${configured}, now ${current}${most}`;
}

/** One text when it is the same for all vCPUs. */
function describeAffinity(affinity: NonNullable<Domain["affinity"]>): string {
  const texts = affinity.map(({ cpus, cpus_soft: soft }) =>
    soft === "all" ? cpus : `${cpus} (soft ${soft})`,
  );
  const [first = "-", ...others] = texts;
  if (others.every((text) => text === first)) return first;
  return texts.map((text, vcpu) => `${vcpu}: ${text}`).join(", ");
}

/** Registers four to a line, then how the guest came there, where that is known. */
function describeReport({ vcpu, registers, instruction, last_exits }: Report): string {
  const cells = Object.entries(registers).map(([name, value]) => `${name.padEnd(8)} ${value.padEnd(18)}`);
  const lines = Array.from({ length: Math.ceil(cells.length / 4) }, (_, row) =>
    cells
      .slice(row * 4, row * 4 + 4)
      .join("  ")
      .trimEnd(),
  );
  return [
    `vCPU ${vcpu} at the end`,
    ...lines,
    `code     ${instruction ?? "not readable"}`,
    ...(last_exits.length === 0 ? [] : ["", "last exits, the latest last"]),
    ...last_exits.map((line) => `  ${line}`),
  ].join("\n");
}
