import { PvhClient } from "@pvh/client";
import { readGuestConfig } from "../files.ts";
import { formatTimings, type OutputOptions, print, printJson } from "../output.ts";
import { attachConsole } from "./console.ts";

interface CreateOptions extends OutputOptions {
  paused?: boolean;
  console?: boolean;
  timings?: boolean;
  quiet?: boolean;
}

export async function create(
  socket: string | undefined,
  file: string,
  overrides: string[],
  options: CreateOptions,
): Promise<void> {
  const config = readGuestConfig(file, overrides);
  const pvhd = new PvhClient(socket);
  // With a console the guest starts only when it is attached, so that its first character is seen.
  const attach = options.console === true;
  let { domain } = await pvhd.createDomain({ ...config, start_paused: options.paused === true || attach });
  const console = attach ? await pvhd.openConsole(domain.uuid) : undefined;
  if (attach && options.paused !== true) domain = await pvhd.act(domain.uuid, "unpause");

  if (options.output === "json") printJson(domain);
  else if (options.quiet !== true) print(`${domain.name} is ${domain.state}, uuid ${domain.uuid}`);
  if (options.timings === true) print(`  ${formatTimings(domain.stages)}`);
  if (console !== undefined) await attachConsole(console);
}
