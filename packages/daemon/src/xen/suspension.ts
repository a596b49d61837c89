import { SHUTDOWN } from "@pvh/abi";
import { formatError, PvhError } from "@pvh/errors";
import { askGuest } from "./control.ts";
import type { DeviceHost } from "./devices.ts";
import { homeOf } from "./store-nodes.ts";
import type { DomainSummary } from "./worker/tasks.ts";

/** libxl's: for the guest to say that it has seen the request, and again to have suspended. */
const PATIENCE_MS = 60_000;
/** How long a guest that has said so may still suspend when nobody waits for it any more. */
const LATE_MS = 600_000;

/** What is done with a domain whose guest suspends for it. */
export type SuspensionReason = "saved" | "migrated";

/** A guest that is asked to suspend itself, for a toolstack that saves it: that is no end of its domain. */
export class Suspension {
  readonly reason: SuspensionReason;
  readonly #host: DeviceHost;
  readonly #domid: number;
  readonly #outcome = Promise.withResolvers<void>();
  /** The guest was asked, and may do it at any time. */
  #asked = false;
  /** Nobody waits for it any more. */
  #givenUpAt: number | undefined;
  /** What was seen of the domain before is of no account. */
  #overAt: number | undefined;

  constructor(host: DeviceHost, domid: number, reason: SuspensionReason = "saved") {
    this.reason = reason;
    this.#host = host;
    this.#domid = domid;
    // Whoever waits is told; there may be nobody.
    this.#outcome.promise.catch(() => {});
  }

  /** One that a daemon has asked for which is gone. */
  static abandoned(host: DeviceHost, domid: number): Suspension {
    const suspension = new Suspension(host, domid);
    suspension.#asked = true;
    suspension.#givenUpAt = performance.now();
    return suspension;
  }

  /** One of such a daemon's that is over: its guest goes on, and who had seen it suspended before has seen nothing. */
  static over(host: DeviceHost, domid: number): Suspension {
    const suspension = new Suspension(host, domid);
    suspension.#overAt = performance.now();
    return suspension;
  }

  /** Whether it is neither over nor given up. */
  get active(): boolean {
    return this.#overAt === undefined && this.#givenUpAt === undefined;
  }

  /**
   * Asks the guest, and resolves when it has suspended.
   *
   * @throws PvhError DOMAIN_STATE
   */
  async request(): Promise<void> {
    const late = setTimeout(() => {
      this.#outcome.reject(
        state("The guest has not suspended in time, although it took the request.", "no suspension"),
      );
    }, 2 * PATIENCE_MS);
    this.#asked = true;
    try {
      const { store } = this.#host;
      const asked = askGuest(store, this.#domid, "shutdown", "suspend", PATIENCE_MS).catch((error) => {
        // It was withdrawn, so it will not suspend.
        this.#overAt ??= performance.now();
        throw error;
      });
      // The domain may end meanwhile, and its guest then never answers.
      await Promise.race([asked, this.#outcome.promise]);
      await this.#outcome.promise;
    } finally {
      clearTimeout(late);
    }
  }

  /**
   * The hypervisor had this of the domain when it was asked.
   *
   * @param asked of `performance.now()`
   * @returns whether it is nothing but the suspension
   */
  takes(summary: DomainSummary | undefined, asked: number): boolean {
    const suspended = isSuspended(summary);
    if (this.#overAt !== undefined) return suspended && asked < this.#overAt;
    if (this.#givenUpAt !== undefined) {
      if (!suspended || asked > this.#givenUpAt + LATE_MS) return false;
      void this.resume().catch(() => {});
      return true;
    }
    if (suspended) this.#outcome.resolve();
    else if (summary === undefined || summary.dying || summary.shutdown !== undefined) {
      this.#outcome.reject(this.#endedMeanwhile());
    }
    return suspended;
  }

  /**
   * Lets the guest go on where it is, now, or when it suspends at last.
   *
   * @returns whether there is still a guest
   */
  async giveUp(): Promise<boolean> {
    if (this.#asked) this.#givenUpAt = performance.now();
    else this.#overAt = performance.now();
    const found = (await this.#host.workers.run("domain", this.#domid)) ?? undefined;
    if (isSuspended(found)) await this.resume();
    return found !== undefined && !found.dying;
  }

  /**
   * Lets the guest go on because of a failure.
   *
   * @returns what is to be told: the failure, or that there is no guest any more
   */
  async giveUpAfter(error: unknown): Promise<unknown> {
    try {
      return (await this.giveUp()) ? error : this.#endedMeanwhile(error);
    } catch (second) {
      process.stderr.write(`domain ${this.#domid} stays suspended: ${formatError(second)}\n`);
      return error;
    }
  }

  async resume(): Promise<void> {
    await resumeDomain(this.#host, this.#domid);
    this.#overAt = performance.now();
  }

  #endedMeanwhile(cause?: unknown): PvhError {
    return state(`The domain ended while it was being ${this.reason}.`, "ended", cause);
  }
}

export function isSuspended(summary: DomainSummary | undefined): boolean {
  return summary !== undefined && !summary.dying && summary.shutdown === SHUTDOWN.suspend;
}

/** Lets a guest that has suspended go on where it is; it is told that its suspension was cancelled. */
export async function resumeDomain({ workers, store }: DeviceHost, domid: number): Promise<void> {
  await workers.run("resume", domid);
  // So that its next end is told.
  await store.resume(domid);
}

/** Takes back a request to suspend that the guest has not seen yet. */
export async function withdrawRequest({ store }: DeviceHost, domid: number): Promise<void> {
  const path = `${homeOf(domid)}/control/shutdown`;
  await store.transaction(async (view) => {
    if ((await view.read(path)) === "suspend") await view.write(path, "");
  });
}

function state(sentence: string, found: string, cause?: unknown): PvhError {
  return new PvhError("DOMAIN_STATE", sentence, { field: "state", found, cause });
}
