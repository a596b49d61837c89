import { type DomainSummary, PvhClient } from "@pvh/client";
import { PvhError } from "@pvh/errors";
import { type OutputOptions, print, printJson, table } from "../output.ts";

interface UptimeOptions extends OutputOptions {
  short?: boolean;
}

/** How long domains have run since their latest start; without names, all that are live. */
export async function uptime(
  socket: string | undefined,
  ids: string[],
  { output, short = false }: UptimeOptions,
): Promise<void> {
  const pvhd = new PvhClient(socket);
  const domains =
    ids.length === 0
      ? (await pvhd.listDomains()).filter(({ started_at: started }) => started !== undefined)
      : await Promise.all(ids.map(async (id) => requireLive(await pvhd.getDomain(id))));
  const now = new Date();
  const rows = domains.map((domain) => ({ ...domain, seconds: secondsSince(domain.started_at, now) }));
  if (output === "json") printJson(rows.map(({ name, uuid, seconds }) => ({ name, uuid, seconds })));
  else if (short) {
    for (const { name, domid, seconds } of rows)
      print(` ${clockTime(now)} up ${duration(seconds, true)}, ${name} (${domid ?? "-"})`);
  } else {
    const cells = rows.map(({ name, domid, seconds }) => [name, String(domid ?? "-"), duration(seconds)]);
    print(table(["Name", "ID", "Uptime"], cells));
  }
}

type Started = Pick<DomainSummary, "name" | "uuid" | "domid" | "started_at">;

function requireLive(domain: Started & Pick<DomainSummary, "state">): Started {
  const { name, state, started_at: started } = domain;
  if (started !== undefined && !["shutdown", "crashed", "destroyed", "lost"].includes(state)) return domain;
  throw new PvhError(
    "DOMAIN_STATE",
    `The domain ${JSON.stringify(name)} is ${state}; only a live one has an uptime.`,
    { field: "state", found: state },
  );
}

function secondsSince(start: string | undefined, now: Date): number {
  return start === undefined ? 0 : Math.max(0, Math.floor((now.getTime() - Date.parse(start)) / 1000));
}

function clockTime(now: Date): string {
  return now.toTimeString().slice(0, 8);
}

/** As xl's: `2 days,  3:04:05`; short without the seconds. */
export function duration(seconds: number, short = false): string {
  const days = Math.floor(seconds / 86400);
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = String(Math.floor(seconds / 3600) % 24).padStart(2);
  const clock = `${hours}:${two(Math.floor(seconds / 60) % 60)}${short ? "" : `:${two(seconds % 60)}`}`;
  return days === 0 ? clock : `${days} day${days === 1 ? "" : "s"}, ${clock}`;
}
