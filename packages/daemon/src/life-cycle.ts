import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { formatError, PvhError } from "@pvh/errors";
import type { Backend, DomainStart, Instance } from "./backend.ts";
import { dumpEndedDomain } from "./core-dumps.ts";
import { datedName } from "./dated-names.ts";
import { type DomainRecord, type DomainState, type ExitRecord, isLive, isPresent } from "./domain.ts";
import type { DomainTable, Entry } from "./domain-table.ts";
import { makeDirectory } from "./make-directory.ts";
import { actionAfter, endState } from "./policy.ts";
import type { Serial } from "./serial.ts";
import type { Arrival } from "./transfer/receiver.ts";

export interface LifeCycleOptions {
  table: DomainTable;
  /** Tasks of one domain, by its uuid. */
  serial: Serial;
  backend: Backend;
  stateDir: string;
  /** Boot id of this host. */
  hostBoot: string;
  log: (line: string) => void;
  /** Least time between two starts of a domain by its policy, in ms. */
  restartInterval: number;
}

/** What a domain goes on from, instead of booting. */
type Origin = Pick<DomainStart, "saved" | "arrival">;

interface Settlement {
  /** False when the policy of the config is not asked. */
  policy?: boolean;
  /** When it is another one than the exit's reason says. */
  state?: DomainState | undefined;
}

/** Starts and ends of domains, and what their configs want to follow the ends. Whoever calls it runs in the domain's serial. */
export class LifeCycle {
  readonly #options: LifeCycleOptions;
  readonly #table: DomainTable;
  readonly #serial: Serial;
  #closing = false;

  constructor(options: LifeCycleOptions) {
    this.#options = options;
    this.#table = options.table;
    this.#serial = options.serial;
  }

  get closing(): boolean {
    return this.#closing;
  }

  /** A domid for a domain that is to start; undefined where the backend gives out one then. */
  reservedDomid(): number | undefined {
    return this.#options.backend.givesDomids ? undefined : this.#table.freeDomid();
  }

  /** From here on an end that nobody is left to act on waits in the domain's directory for the next daemon. */
  close(): void {
    this.#closing = true;
    for (const entry of this.#table.entries()) clearTimeout(entry.restartTimer);
  }

  /** @param saved file of a saved domain that it goes on from */
  async launch(entry: Entry, startPaused: boolean, saved?: string): Promise<void> {
    const { instance, run } = await this.#start(entry, startPaused, saved === undefined ? {} : { saved });
    try {
      this.#table.update(entry, { state: startPaused ? "paused" : "running", ...run });
    } catch (error) {
      await instance.destroy();
      throw error;
    }
    this.adopt(entry, instance);
    this.log(entry, startPaused ? "is created and paused" : "runs");
  }

  /**
   * Takes a domain of another host, and lets it run when that is permitted.
   *
   * @throws PvhError MIGRATION_UNDECIDED when it cannot, and cannot be taken away either; else nothing is left of it
   */
  async land(entry: Entry, arrival: Arrival): Promise<void> {
    const { instance, run } = await this.#start(entry, true, { arrival });
    try {
      await arrival.permission();
      const { uuid, name } = entry.record;
      await instance.arrive({ uuid, name, dir: entry.dir });
      // First, so that a daemon which is killed now leaves a paused domain, and nothing runs that the next one ends.
      this.#table.update(entry, { state: "paused", ...run });
      await instance.unpause();
      this.#record(entry, { state: "running" });
    } catch (error) {
      try {
        await instance.destroy();
      } catch (cause) {
        this.adopt(entry, instance);
        throw stays(entry.record, cause);
      }
      throw error;
    }
    this.adopt(entry, instance);
    this.log(entry, `runs, and comes from ${arrival.peer}`);
  }

  async #start(
    entry: Entry,
    startPaused: boolean,
    origin: Origin,
  ): Promise<{ instance: Instance; run: Pick<DomainRecord, "domid" | "run"> }> {
    makeRuntimeDirectory(entry.dir);
    const { uuid, config } = entry.record;
    const domid = entry.record.domid ?? this.reservedDomid();
    const startedAt = new Date().toISOString();
    const start = { uuid, ...(domid === undefined ? {} : { domid }), dir: entry.dir, config, startPaused };
    const instance = await this.#options.backend.launch({ ...start, ...origin });
    return {
      instance,
      run: {
        domid: instance.started.domid ?? domid,
        run: { ...instance.started, startedAt, hostBoot: this.#options.hostBoot },
      },
    };
  }

  /** Looks after a running domain. */
  adopt(entry: Entry, instance: Instance): void {
    this.keep(entry, instance);
    void instance.exited.then((exit) =>
      this.#later(entry, async () => {
        if (entry.instance === instance && isLive(entry.record.state)) await this.settle(entry, exit);
      }),
    );
  }

  /** Looks after a domain that may have ended, of which something is there. */
  keep(entry: Entry, instance: Instance): void {
    entry.instance = instance;
    void instance.gone.then(() =>
      this.#later(entry, async () => {
        if (entry.instance === instance && entry.record.preserved) this.lose(entry);
      }),
    );
  }

  /** Nothing is left of a preserved domain. */
  lose(entry: Entry): void {
    letGo(entry);
    this.#record(entry, { state: "destroyed", preserved: false });
    this.log(entry, "was preserved, and is gone");
  }

  /** Records the end of a run and does what the policy says. */
  async settle(
    entry: Entry,
    exit: ExitRecord,
    { policy = true, state = endState(exit.reason) }: Settlement = {},
  ): Promise<void> {
    const remains = entry.instance?.remains === true ? entry.instance : undefined;
    const action = policy
      ? actionAfter(exit.reason, entry.record.config, remains !== undefined)
      : ("destroy" as const);
    this.log(entry, `ended by ${exit.reason}${policy ? `: ${action}` : ""}`);
    if (remains === undefined) return this.#finish(entry, exit, state, action === "restart");
    switch (action) {
      case "preserve":
        return this.#preserve(entry, exit, state);
      case "rename-restart": {
        const failure = await failureOf(() => this.#setAside(entry, remains, exit, state));
        if (failure === undefined) return this.#finish(entry, exit, state, true);
        return this.#preserve(entry, noted(exit, `It cannot be renamed: ${failure}`), state);
      }
      case "soft-reset": {
        const failure = await failureOf(() => this.#softReset(entry, remains, exit));
        if (failure === undefined) return;
        return this.#discard(
          entry,
          remains,
          noted(exit, `The soft reset failed: ${failure}`),
          "crashed",
          false,
        );
      }
      case "coredump-destroy":
      case "coredump-restart": {
        const told = await this.#dump(entry, remains, exit);
        return this.#discard(entry, remains, told, state, action === "coredump-restart");
      }
      case "destroy":
      case "restart":
        return this.#discard(entry, remains, exit, state, action === "restart");
    }
  }

  scheduleRestart(entry: Entry): void {
    clearTimeout(entry.restartTimer);
    entry.restartTimer = setTimeout(() => {
      void this.#later(entry, () => this.#restart(entry));
    }, this.#untilNextStart(entry));
  }

  /** Ends what is present of a domain; its record stays. */
  async end(entry: Entry): Promise<void> {
    clearTimeout(entry.restartTimer);
    const { instance, record } = entry;
    const earlier = record.preserved ? record.exit : undefined;
    if (instance === undefined) {
      await this.endStray(entry);
      const at = new Date().toISOString();
      const detail = "The domain was destroyed while pvhd did not look after a run of it.";
      const exit: ExitRecord = earlier ?? { reason: "killed", at, detail };
      await this.settle(entry, exit, { policy: false, state: "destroyed" });
      return;
    }
    await instance.destroy();
    // Even when the guest ended by itself just before: that it stays ended is what was asked for.
    const exit = earlier ?? (await instance.exited);
    await this.settle(entry, exit, { policy: false, state: "destroyed" });
  }

  async endAndForget(entry: Entry): Promise<void> {
    if (isPresent(entry.record)) await this.end(entry);
    await this.forget(entry);
    this.log(entry, "is forgotten");
  }

  async forget(entry: Entry): Promise<void> {
    clearTimeout(entry.restartTimer);
    // What did not answer may have come back since.
    if (entry.record.state === "lost") await this.endStray(entry);
    await rm(entry.dir, { recursive: true, force: true });
    this.#table.remove(entry);
  }

  /** Ends what runs of a domain without being looked after. */
  async endStray({ dir, record }: Entry): Promise<void> {
    await this.#options.backend.end(dir, record.uuid);
  }

  log({ record }: Entry, what: string): void {
    this.#options.log(`domain ${record.name} (${record.uuid}) ${what}`);
  }

  /** Nothing is left of the run. */
  #finish(entry: Entry, exit: ExitRecord, state: DomainState, restart: boolean): void {
    letGo(entry);
    const { restarts } = entry.record;
    const end: Partial<DomainRecord> = { exit, preserved: false, state: restart ? "rebooting" : state };
    // Its number may be another domain's before it has its next one.
    this.#record(entry, restart ? { ...end, domid: undefined, restarts: restarts + 1 } : end);
    if (restart) this.scheduleRestart(entry);
  }

  #preserve(entry: Entry, exit: ExitRecord, state: DomainState): void {
    this.#record(entry, { exit, state, preserved: true });
    this.log(entry, "is preserved");
  }

  async #discard(
    entry: Entry,
    remains: Instance,
    exit: ExitRecord,
    state: DomainState,
    restart: boolean,
  ): Promise<void> {
    const failure = await failureOf(() => remains.discard());
    if (failure === undefined) this.#finish(entry, exit, state, restart);
    // So that it can be tried again.
    else this.#preserve(entry, noted(exit, `What is left of it cannot be removed: ${failure}`), state);
  }

  async #dump(entry: Entry, remains: Instance, exit: ExitRecord): Promise<ExitRecord> {
    // It takes a while.
    this.#record(entry, { state: "shutting-down" });
    try {
      const coreDump = await dumpEndedDomain(this.#options.stateDir, entry.record.name, remains);
      return { ...exit, coreDump };
    } catch (error) {
      this.log(entry, `cannot be dumped: ${formatError(error)}`);
      return noted(exit, `The core dump failed: ${formatError(error)}`);
    }
  }

  /** Makes an entry of its own of what remains: another name, another uuid. */
  async #setAside(entry: Entry, remains: Instance, exit: ExitRecord, state: DomainState): Promise<void> {
    const { record } = entry;
    const isTaken = (dated: string) => this.#table.presentByName(dated) !== undefined;
    const identity = { uuid: randomUUID(), name: datedName(record.name, new Date(), isTaken) };
    const config = { ...record.config, ...identity };
    // Two present domains cannot have one domid. Whatever comes after a daemon that is killed here starts it again.
    this.#table.update(entry, { domid: undefined, state: "rebooting", exit });
    const createdAt = new Date().toISOString();
    const aside = this.#table.add({
      ...record,
      ...identity,
      config,
      exit,
      state,
      createdAt,
      preserved: true,
    });
    try {
      await this.#serial.run(identity.uuid, () => remains.setAside({ ...identity, dir: aside.dir }));
    } catch (error) {
      this.#table.remove(aside);
      this.#table.update(entry, { domid: record.domid, state: record.state });
      throw error;
    }
    entry.instance = undefined;
    this.keep(aside, remains);
    this.log(aside, `is what was ${record.name} (${record.uuid}), and is preserved`);
  }

  async #softReset(entry: Entry, remains: Instance, exit: ExitRecord): Promise<void> {
    // A guest that does nothing else must not keep the host busy.
    await sleep(this.#untilNextStart(entry));
    const instance = await remains.softReset();
    const { run, restarts } = entry.record;
    const startedAt = new Date().toISOString();
    this.#record(entry, {
      state: "running",
      exit,
      restarts: restarts + 1,
      ...(run === undefined ? {} : { run: { ...run, startedAt } }),
    });
    this.adopt(entry, instance);
  }

  async #restart(entry: Entry): Promise<void> {
    if (entry.record.state !== "rebooting") return;
    try {
      this.#table.update(entry, { domid: this.reservedDomid() });
      await this.launch(entry, false);
    } catch (error) {
      const reason = entry.record.exit?.reason ?? "vmm-died";
      const detail = `The domain ended by ${reason}; the restart that its config asks for failed: ${formatError(error)}`;
      const exit: ExitRecord = { ...entry.record.exit, reason, at: new Date().toISOString(), detail };
      await this.settle(entry, exit, { policy: false, state: "crashed" });
    }
  }

  /** ms */
  #untilNextStart({ record }: Entry): number {
    const { restartInterval } = this.#options;
    const last = record.run === undefined ? 0 : Date.parse(record.run.startedAt);
    return Math.min(Math.max(last + restartInterval - Date.now(), 0), restartInterval);
  }

  #record(entry: Entry, changes: Partial<DomainRecord>): void {
    try {
      this.#table.update(entry, changes);
    } catch (error) {
      // The record in memory must say what is true even when the disk is full.
      entry.record = { ...entry.record, ...changes };
      this.log(entry, `has changed, but the database cannot be written: ${formatError(error)}`);
    }
  }

  /** What nobody waits for. */
  async #later(entry: Entry, task: () => Promise<void>): Promise<void> {
    try {
      await this.#serial.run(entry.record.uuid, async () => {
        if (!this.#closing) await task();
      });
    } catch (error) {
      this.log(entry, `is in trouble: ${formatError(error)}`);
    }
  }
}

function letGo(entry: Entry): void {
  entry.instance?.disconnect();
  entry.instance = undefined;
}

function noted(exit: ExitRecord, note: string): ExitRecord {
  return { ...exit, detail: exit.detail === undefined ? note : `${exit.detail} ${note}` };
}

async function failureOf(work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return formatError(error);
  }
}

function stays({ name }: DomainRecord, cause: unknown): PvhError {
  return new PvhError(
    "MIGRATION_UNDECIDED",
    `The domain ${JSON.stringify(name)} cannot run, and cannot be taken away either; destroy it.`,
    { field: "state", found: "unknown", cause },
  );
}

function makeRuntimeDirectory(dir: string): void {
  try {
    makeDirectory(dir, 0o700);
  } catch (cause) {
    const sentence = `The domain's directory ${dir} cannot be made: free space on its disk, and check that pvhd may write there.`;
    throw new PvhError("DAEMON_STATE", sentence, { field: "--state", found: dir, cause });
  }
}
