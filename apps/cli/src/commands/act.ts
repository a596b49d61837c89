import { setTimeout as sleep } from "node:timers/promises";
import { type Domain, type DomainState, PvhClient } from "@pvh/client";
import { type OutputOptions, print, printJson } from "../output.ts";

interface ActOptions extends OutputOptions {
  /** Until the guest has done it. */
  wait?: boolean;
}

/** ms between two looks. */
const INTERVAL = 100;
const endedStates: readonly DomainState[] = ["shutdown", "crashed", "destroyed", "lost"];

export async function act(
  socket: string | undefined,
  action: "pause" | "unpause" | "shutdown" | "reboot",
  id: string,
  { output, wait }: ActOptions,
): Promise<void> {
  const pvhd = new PvhClient(socket);
  // By its uuid from here on: its domid is another one after a restart.
  const before = wait === true ? await pvhd.getDomain(id) : undefined;
  let domain = await pvhd.act(before?.uuid ?? id, action);
  while (before !== undefined && !isOver(before, domain)) {
    await sleep(INTERVAL);
    domain = await pvhd.getDomain(before.uuid);
  }
  tell(domain, output);
}

/** Whether what ran before has ended, and what may follow it by the config's policy runs. */
function isOver(before: Domain, now: Domain): boolean {
  return endedStates.includes(now.state) || (now.restarts > before.restarts && now.state === "running");
}

export async function sysrq(
  socket: string | undefined,
  id: string,
  key: string,
  { output }: OutputOptions,
): Promise<void> {
  tell(await new PvhClient(socket).sendSysrq(id, key), output);
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

function tell(domain: Domain, output: OutputOptions["output"]): void {
  if (output === "json") printJson(domain);
  else print(`${domain.name} is ${domain.state}`);
}
