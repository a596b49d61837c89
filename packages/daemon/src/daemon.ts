import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createApp } from "./api/app.ts";
import type { Backend } from "./backend.ts";
import { Domains } from "./domains.ts";
import type { DaemonOptions } from "./options.ts";
import { lockStateDir } from "./state-lock.ts";
import { openStore } from "./store.ts";
import { readIdentity } from "./transfer/identity.ts";
import { Peers } from "./transfer/peers.ts";
import { listenOnSocket, refuseUnlessFree } from "./unix-socket.ts";

/**
 * Starts the daemon; resolves when the API answers. The returned function stops it again and leaves the domains
 * running.
 */
export async function startDaemon(
  { socket, stateDir, migration }: Omit<DaemonOptions, "backend">,
  backend: Backend,
  log: (line: string) => void,
): Promise<() => Promise<void>> {
  /** What undoes the start, the latest step last. */
  const undo: (() => void | Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const identity = migration === undefined ? undefined : readIdentity(migration.identity);
    const peers = identity === undefined ? undefined : new Peers(identity, log);
    undo.push(lockStateDir(stateDir));
    await refuseUnlessFree(socket);
    const store = openStore(join(stateDir, "pvhd.db"));
    undo.push(() => store.close());
    undo.push(() => backend.close());
    const domains = await Domains.open({ store, backend, stateDir, hostBoot: bootId(), log, peers });
    undo.push(() => domains.close());
    const app = await createApp(domains, log);
    undo.push(() => app.close());
    undo.push(await listenOnSocket(app.server, socket));
    // What is under way would keep the rest from ending.
    if (peers !== undefined) undo.push(() => peers.close());
    if (migration?.listen !== undefined) {
      await peers?.listen(migration.listen, (arrival) => domains.receive(arrival));
    }
    return stop;
  } catch (error) {
    await stop();
    throw error;
  }
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}
