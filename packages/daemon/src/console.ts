import { type Duplex, PassThrough } from "node:stream";
import { PvhError } from "@pvh/errors";
import type { Backend } from "./backend.ts";

export interface DomainConsole {
  /** Output from its beginning; what is written goes to the guest, or nowhere when it has ended. */
  stream: Duplex;
  /** Resolves when the end that has closed the stream stands in the domain's record. */
  recorded(): Promise<void>;
}

export async function openConsole(backend: Backend, dir: string, live: boolean): Promise<Duplex> {
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
