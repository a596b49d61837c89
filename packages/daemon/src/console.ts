import { type Duplex, PassThrough } from "node:stream";
import { PvhError } from "@pvh/errors";
import type { Backend } from "./backend.ts";

/** Console output from its beginning; what is written goes to the guest, or nowhere when it has ended. */
export type ConsoleSource = Duplex;

export async function openConsole(backend: Backend, dir: string, live: boolean): Promise<ConsoleSource> {
  if (live) {
    try {
      return await backend.openConsole(dir);
    } catch (error) {
      // It ended between the look at its state and the connection: what it printed is in the log.
      if (!(error instanceof PvhError) || error.code !== "DOMAIN_STATE") throw error;
    }
  }
  return replay(backend.consoleLog(dir));
}

function replay(log: Uint8Array): Duplex {
  const output = new PassThrough();
  output.end(log);
  return output;
}
