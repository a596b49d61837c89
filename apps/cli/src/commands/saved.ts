import { resolve } from "node:path";
import { PvhClient } from "@pvh/client";
import { PvhError } from "@pvh/errors";
import { formatTimings, type OutputOptions, print, printJson } from "../output.ts";
import { attachConsole } from "./console.ts";

interface SaveOptions extends OutputOptions {
  checkpoint?: boolean;
  paused?: boolean;
}

/** @param file a relative path starts at the working folder */
export async function save(
  socket: string | undefined,
  id: string,
  file: string,
  { checkpoint = false, paused = false, output }: SaveOptions,
): Promise<void> {
  const path = resolve(file);
  const request = { file: path, checkpoint, leave_paused: paused };
  const domain = await new PvhClient(socket).save(id, request);
  if (output === "json") printJson(domain);
  else if (paused) print(`${domain.name} is saved to ${path} and paused`);
  else print(`${domain.name} is saved to ${path}${checkpoint ? " and goes on" : ""}`);
}

interface RestoreOptions extends OutputOptions {
  paused?: boolean;
  console?: boolean;
  name?: string;
  timings?: boolean;
}

export async function restore(
  socket: string | undefined,
  file: string,
  { paused = false, console: attach = false, name, timings, output }: RestoreOptions,
): Promise<void> {
  if (attach && output === "json") {
    throw new PvhError(
      "USAGE",
      "-c and -o json cannot go together: the console's output comes on stdout, too.",
    );
  }
  const pvhd = new PvhClient(socket);
  // With a console the guest goes on only when it is attached, so that nothing of its output is missed.
  const request = { file: resolve(file), name, start_paused: paused || attach };
  let domain = await pvhd.restore(request);
  const console = attach ? await pvhd.openConsole(domain.uuid) : undefined;
  if (attach && !paused) domain = await pvhd.act(domain.uuid, "unpause");

  if (output === "json") printJson(domain);
  else print(`${domain.name} is ${domain.state}, uuid ${domain.uuid}`);
  if (timings === true && output !== "json") print(`  ${formatTimings(domain.stages)}`);
  if (console !== undefined) await attachConsole(pvhd, domain.uuid, console);
}
