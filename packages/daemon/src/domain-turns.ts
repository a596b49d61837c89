import { PvhError } from "@pvh/errors";
import type { Instance } from "./backend.ts";
import { type DomainRecord, isLive } from "./domain.ts";
import type { DomainTable, Entry } from "./domain-table.ts";
import type { LifeCycle } from "./life-cycle.ts";
import { wrongState } from "./refusals.ts";
import type { Serial } from "./serial.ts";

export interface DomainTurnsParts {
  table: DomainTable;
  /** By uuid. */
  serial: Serial;
  lifeCycle: LifeCycle;
}

/** When what is asked of a domain is done, and what it means that the domain has ended meanwhile. */
export class DomainTurns {
  readonly #table: DomainTable;
  readonly #serial: Serial;
  readonly #lifeCycle: LifeCycle;

  constructor({ table, serial, lifeCycle }: DomainTurnsParts) {
    this.#table = table;
    this.#serial = serial;
    this.#lifeCycle = lifeCycle;
  }

  /** Has a live domain do something, and looks then what has become of it. */
  command(id: string, action: string, run: (instance: Instance) => Promise<void>): Promise<DomainRecord> {
    return this.exclusive(id, async (entry) => {
      const { instance, record } = entry;
      if (instance === undefined || !isLive(record.state)) throw wrongState(record, action);
      let done = false;
      try {
        await run(instance);
        done = true;
        const { state } = await instance.status();
        this.#table.update(entry, { state });
      } catch (error) {
        if (!isGone(error)) throw error;
        await this.#lifeCycle.settle(entry, await instance.exited);
        // It ended before it was told what to do, else perhaps because of it.
        if (!done) throw wrongState(entry.record, action);
      }
      return entry.record;
    });
  }

  /** Beside other actions: a guest may take its time to let go of a device, and can be destroyed meanwhile. */
  async beside<T>(id: string, action: string, run: (instance: Instance) => Promise<T>): Promise<T> {
    const { instance, record } = this.#table.find(id);
    if (instance === undefined || !isLive(record.state)) throw wrongState(record, action);
    try {
      return await run(instance);
    } catch (error) {
      throw asEnded(error, record, action);
    }
  }

  /** In its turn, but what is being saved ends now: a guest may take minutes to suspend. */
  breakingOff<T>(id: string, task: (entry: Entry) => Promise<T>): Promise<T> {
    const { saving, instance } = this.#table.find(id);
    const done = this.exclusive(id, task);
    // What fails here is tried again in its turn.
    if (saving === true) void instance?.destroy().catch(() => {});
    return done;
  }

  /** When all that was asked of the domain before is done. */
  exclusive<T>(id: string, task: (entry: Entry) => Promise<T>): Promise<T> {
    const entry = this.#table.find(id);
    return this.#serial.run(entry.record.uuid, () => {
      // It may have been forgotten while this waited.
      if (this.#table.byUuid(entry.record.uuid) !== entry) this.#table.find(entry.record.uuid);
      return task(entry);
    });
  }
}

/** What a failure means to whoever asked: that the domain has gone meanwhile is no defect. */
export function asEnded(error: unknown, { name }: DomainRecord, action: string): unknown {
  if (!isGone(error)) return error;
  return new PvhError(
    "DOMAIN_STATE",
    `The domain ${JSON.stringify(name)} ended while it was told to ${action}.`,
    { field: "state", found: "ended" },
  );
}

function isGone(error: unknown): boolean {
  return error instanceof PvhError && error.code === "VMM_DIED";
}
