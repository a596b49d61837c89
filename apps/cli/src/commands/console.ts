import { type DomainConsole, PvhClient } from "@pvh/client";
import { attachTerminal } from "../terminal.ts";

export async function console(
  socket: string | undefined,
  id: string,
  { replay }: { replay?: boolean },
): Promise<void> {
  const pvhd = new PvhClient(socket);
  if (replay === true) process.stdout.write(await pvhd.getConsoleLog(id));
  else await attachConsole(await pvhd.openConsole(id));
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
