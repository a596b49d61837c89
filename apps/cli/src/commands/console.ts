import { type DomainConsole, PvhClient } from "@pvh/client";
import { attachTerminal } from "../terminal.ts";

export async function console(
  socket: string | undefined,
  id: string,
  { replay }: { replay?: boolean },
): Promise<void> {
  const stream = await new PvhClient(socket).openConsole(id);
  if (replay === true) await printReplay(stream);
  else await attachConsole(stream);
}

/** Until the domain ends or the user leaves with Ctrl-]. */
export async function attachConsole(stream: DomainConsole): Promise<void> {
  if (process.stdin.isTTY) process.stderr.write("pvhctl: attached; Ctrl-] leaves\n");
  const detach = attachTerminal(stream, () => stream.close());
  try {
    await stream.closed;
  } finally {
    detach();
    if (process.stdin.isTTY) process.stderr.write("\n");
  }
}

/** How long the earlier output may pause before it counts as told: the protocol has no mark at its end. */
const QUIET_MS = 300;

async function printReplay(stream: DomainConsole): Promise<void> {
  let timer = setTimeout(() => stream.close(), QUIET_MS);
  stream.onData((data) => {
    process.stdout.write(data);
    clearTimeout(timer);
    timer = setTimeout(() => stream.close(), QUIET_MS);
  });
  await stream.closed;
  clearTimeout(timer);
}
