import { randomUUID } from "node:crypto";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { type Domain, type DomainRequest, type DomainState, PvhClient } from "@pvh/client";
import { PvhError } from "@pvh/errors";
import { readGuestConfig } from "../files.ts";
import { formatTimings, type OutputOptions, print, printJson } from "../output.ts";
import { attachConsole, requireClean } from "./console.ts";

/** How often a domain between two starts is looked at. */
const RESTART_MS = 100;

interface CreateOptions extends OutputOptions {
  paused?: boolean;
  console?: boolean;
  /** Until it has ended, and is not started again. */
  foreground?: boolean;
  timings?: boolean;
  quiet?: boolean;
}

export async function create(
  socket: string | undefined,
  file: string,
  overrides: string[],
  options: CreateOptions,
): Promise<void> {
  if (options.console === true && options.output === "json") {
    throw new PvhError(
      "USAGE",
      "-c and -o json cannot go together: the console's output comes on stdout, too.",
    );
  }
  const config = readGuestConfig(file, overrides);
  const pvhd = new PvhClient(socket);
  const uuid = config.uuid ?? randomUUID();
  // With a console the guest starts only when it is attached, so that its first character is seen.
  const attach = options.console === true;
  const request = { ...config, uuid, start_paused: options.paused === true || attach };
  let domain = await undoneBySignals(pvhd, uuid, () => createNew(pvhd, request));
  const console = attach ? await pvhd.openConsole(domain.uuid) : undefined;
  if (attach && options.paused !== true) domain = await pvhd.act(domain.uuid, "unpause");

  if (options.output === "json") printJson(domain);
  else if (options.quiet !== true) print(`${domain.name} is ${domain.state}, uuid ${domain.uuid}`);
  if (options.timings === true && options.output !== "json") print(`  ${formatTimings(domain.stages)}`);
  if (console !== undefined) await attachConsole(pvhd, domain.uuid, console);
  if (options.foreground === true) await untilEnded(pvhd, domain.uuid);
}

/** Somebody who presses Ctrl-C does not want the domain any more, however far it is. */
async function undoneBySignals<T>(pvhd: PvhClient, uuid: string, work: () => Promise<T>): Promise<T> {
  const undo = (signal: NodeJS.Signals) => {
    const exit = () => process.exit(128 + constants.signals[signal]);
    pvhd.deleteDomain(uuid).then(exit, exit);
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, undo);
  try {
    return await work();
  } finally {
    for (const signal of signals) process.off(signal, undo);
  }
}

/** Its console closes when it ends; between two starts there is nothing to wait at. */
async function untilEnded(pvhd: PvhClient, uuid: string): Promise<void> {
  for (;;) {
    const { state } = await pvhd.getDomain(uuid);
    if (endedStates.includes(state)) return;
    if (state === "rebooting") {
      await sleep(RESTART_MS);
      continue;
    }
    const console = await pvhd.openConsole(uuid);
    console.onData(() => {});
    requireClean(await console.closed);
  }
}

const endedStates: readonly DomainState[] = ["shutdown", "crashed", "destroyed", "lost"];

/**
 * A request with a fixed uuid can be repeated, and then answers with the domain that exists. Somebody who types
 * `create` again means a new start: after the domain has ended that is what happens, before it is a mistake.
 */
async function createNew(pvhd: PvhClient, request: DomainRequest): Promise<Domain> {
  const first = await pvhd.createDomain(request);
  if (first.created) return first.domain;
  const { uuid, name, state, preserved } = first.domain;
  if (!endedStates.includes(state) || preserved === true) {
    const is = preserved === true ? `${state} and preserved` : state;
    const sentence = `uuid ${uuid} belongs to the domain ${name}, which is ${is}; destroy it first, or give another uuid.`;
    throw new PvhError("DOMAIN_UUID_TAKEN", sentence, { field: "uuid", found: uuid });
  }
  await pvhd.deleteDomain(uuid);
  return (await pvhd.createDomain(request)).domain;
}
