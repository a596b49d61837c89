import type { Socket } from "node:net";
import { PvhError } from "@pvh/errors";
import { RUNTIME_FILES } from "../protocol.ts";
import { connectIn } from "../unix-socket.ts";

/** A raw stream to the console of a running domain: its recent output first, then live; what is written is input. */
export async function connectConsole(dir: string): Promise<Socket> {
  const socket = await connectIn(dir, RUNTIME_FILES.console);
  if (socket !== undefined) return socket;
  throw new PvhError("DOMAIN_STATE", "The domain does not run, so it has no console to connect to.", {
    field: "state",
  });
}
