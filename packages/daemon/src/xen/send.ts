import { Socket } from "node:net";
import { formatError } from "@pvh/errors";
import { isUndecided } from "../transfer/problems.ts";
import type { Transfer } from "../transfer/sender.ts";
import type { DeviceHost } from "./devices.ts";
import { headOf } from "./domain-head.ts";
import type { DomainFile } from "./files.ts";
import { openGate } from "./gate.ts";
import { removeMigration, writeMigration } from "./migration-marker.ts";
import { untilDisksRest } from "./quiet-disks.ts";
import { suspendAtGate } from "./suspend-at-gate.ts";
import type { Suspension } from "./suspension.ts";

export interface Sending {
  host: DeviceHost;
  /** Runtime directory of the domain. */
  dir: string;
  domain: DomainFile;
  /** Of memory that it has. */
  pages: number;
  suspension: Suspension;
  transfer: Transfer;
  /** Sends memory while the guest still runs. */
  live: boolean;
}

/**
 * Moves a domain to another host. It runs there afterwards, and is suspended here. When it cannot be moved it goes on; when
 * nobody knows whether it was, it stays paused.
 *
 * @throws PvhError DOMAIN_STATE, XEN_CALL, XEN_DEVICE, a MIGRATION_ code, or what the other host has answered
 */
export async function sendDomain(sending: Sending): Promise<void> {
  const { host, dir, domain, suspension, transfer } = sending;
  const { peer } = transfer;
  try {
    await transfer.offer(await headOf(host, domain), sending.pages);
    writeMigration(dir, { peer, step: "sending" });
    await sendMemory(sending);
    await transfer.finish();
    writeMigration(dir, { peer, step: "permitted" });
    await transfer.permit();
    writeMigration(dir, { peer, step: "moved" });
    void transfer.close();
  } catch (error) {
    if (isUndecided(error)) {
      void transfer.close();
      await keepPaused(sending);
      throw error;
    }
    void transfer.close(error);
    const told = await suspension.giveUpAfter(error);
    removeMigration(dir);
    throw told;
  }
}

/** It may be resumed by whoever knows that it does not run elsewhere. */
async function keepPaused({ host, dir, domain, suspension }: Sending): Promise<void> {
  try {
    await host.workers.run("pause", domain.domid);
    await suspension.resume();
    removeMigration(dir);
  } catch (error) {
    process.stderr.write(`domain ${domain.domid} stays suspended: ${formatError(error)}\n`);
  }
}

async function sendMemory({ host, domain, suspension, transfer, live }: Sending): Promise<void> {
  const { workers, store } = host;
  const { domid } = domain;
  const [ours, theirs] = await workers.run("socket-pair", null);
  const pipe = new Socket({ fd: ours });
  // The thread at its other end has the reason.
  pipe.on("error", () => {});
  const atRest = {
    request: async () => {
      await suspension.request();
      await untilDisksRest(store, domid);
    },
  };
  let brokenOff: { cause: unknown } | undefined;
  try {
    await suspendAtGate(atRest, async (gate, notices) => {
      const poured = transfer.pour(pipe);
      poured.catch((cause: unknown) => {
        brokenOff = { cause };
        pipe.destroy();
        openGate(gate, false);
      });
      await workers.run("send", { domid, fd: theirs, live, gate }, notices);
      await poured;
    });
  } catch (error) {
    // The thread only knows that nobody listens any more.
    throw brokenOff === undefined ? error : brokenOff.cause;
  } finally {
    pipe.destroy();
  }
}
