import { PvhClient } from "@pvh/client";
import { type OutputOptions, print, printJson } from "../output.ts";

export async function act(
  socket: string | undefined,
  action: "pause" | "unpause" | "shutdown",
  id: string,
  { output }: OutputOptions,
): Promise<void> {
  const domain = await new PvhClient(socket).act(id, action);
  if (output === "json") printJson(domain);
  else print(`${domain.name} is ${domain.state}`);
}

export async function destroy(
  socket: string | undefined,
  id: string,
  { keep }: { keep?: boolean },
): Promise<void> {
  const pvhd = new PvhClient(socket);
  if (keep === true) await pvhd.act(id, "destroy");
  else await pvhd.deleteDomain(id);
}
