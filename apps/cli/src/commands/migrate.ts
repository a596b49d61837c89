import { PvhClient } from "@pvh/client";
import { PvhError, shown } from "@pvh/errors";
import { type OutputOptions, print, printJson } from "../output.ts";

interface MigrateOptions extends OutputOptions {
  live: boolean;
}

/** @param target `host[:port]` */
export async function migrate(
  socket: string | undefined,
  id: string,
  target: string,
  { live, output }: MigrateOptions,
): Promise<void> {
  const domain = await new PvhClient(socket).migrate(id, { ...hostAndPort(target), live });
  if (output === "json") printJson(domain);
  else print(`${domain.name} runs on ${target}`);
}

/** @throws PvhError USAGE */
export function hostAndPort(text: string): { host: string; port?: number } {
  const [, bracketed, plain, port] = /^(?:\[([^\]\s/]+)\]|([^:[\]\s/]+))(?::([0-9]{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host !== undefined) return port === undefined ? { host } : { host, port: Number(port) };
  const allowed = "HOST, HOST:PORT or [IPV6]:PORT";
  throw new PvhError("USAGE", `host is ${shown(text)}; it must be ${allowed}.`, {
    field: "host",
    found: shown(text),
    allowed,
  });
}
