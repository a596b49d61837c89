import { type DomainConsole, PvhClient } from "@pvh/client";
import { PvhError } from "@pvh/errors";
import { attachTerminal } from "../terminal.ts";

export async function console(
  socket: string | undefined,
  id: string,
  { replay }: { replay?: boolean },
): Promise<void> {
  const pvhd = new PvhClient(socket);
  if (replay === true) process.stdout.write(await pvhd.getConsoleLog(id));
  else await attachConsole(pvhd, id, await pvhd.openConsole(id));
}

/** Until the domain ends, which is then said on stderr, or the user leaves with Ctrl-]. */
export async function attachConsole(pvhd: PvhClient, id: string, stream: DomainConsole): Promise<void> {
  if (process.stdin.isTTY) say("attached; Ctrl-] leaves");
  let left = false;
  const detach = attachTerminal(stream, () => {
    left = true;
    stream.close();
  });
  const end = await stream.closed;
  detach();
  if (process.stdin.isTTY) process.stderr.write("\n");
  if (left) {
    say("detached; the domain goes on");
    return;
  }
  requireClean(end);
  say(await ending(pvhd, id));
}

/** @throws PvhError DAEMON_UNREACHABLE when it is not its domain's end that has closed a console */
export function requireClean({ clean, reason }: Awaited<DomainConsole["closed"]>): void {
  if (clean) return;
  const why = reason === "" ? "pvhd has gone, or does not answer any more" : reason;
  throw new PvhError("DAEMON_UNREACHABLE", `The console broke: ${why}. The domain itself may go on.`);
}

async function ending(pvhd: PvhClient, id: string): Promise<string> {
  const { name, state, exit } = await pvhd.getDomain(id);
  if (exit === undefined) return `${name}: ${state}`;
  return `${name}: ${exit.reason}${exit.detail === undefined ? "" : `: ${exit.detail}`}`;
}

function say(text: string): void {
  process.stderr.write(`pvhctl: ${text}\n`);
}
