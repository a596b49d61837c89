import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type DomainRequest, PvhClient } from "@pvh/client";
import { endProcessesIn } from "./processes.ts";
import { type Daemon, startPvhd, withFolder } from "./programs.ts";

/** A pvhd of its own with its client, for one test. */
export interface DaemonRun {
  client: PvhClient;
  daemon: Daemon;
  folder: string;
  /** Ends pvhd by the signal and starts another one on the same state. */
  restart(signal: NodeJS.Signals): Promise<void>;
  /** Names in the directory of the domains' runtime directories. */
  domainDirs(): string[];
}

/** Runs `use` with a private pvhd; whatever happens, no domain and no file stays. */
export function withDaemon(use: (run: DaemonRun) => Promise<void>): Promise<void> {
  return withFolder("pvhd", async (folder) => {
    let daemon = await startPvhd(folder);
    const client = new PvhClient(daemon.socket);
    const run: DaemonRun = {
      client,
      folder,
      get daemon() {
        return daemon;
      },
      restart: async (signal) => {
        await daemon.stop(signal);
        daemon = await startPvhd(folder);
      },
      domainDirs: () => readdirSync(join(daemon.state, "domains")),
    };
    try {
      await use(run);
    } finally {
      // Not through the API: pvhd may be what has failed.
      await daemon.stop();
      await endProcessesIn(folder);
    }
  });
}

/** A small guest config. */
export function request(kernel: string | undefined, changes: Partial<DomainRequest> = {}): DomainRequest {
  return { name: "g", type: "pvh", memory: 32, kernel: kernel ?? "", ...changes };
}
