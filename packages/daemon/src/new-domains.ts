import { randomUUID } from "node:crypto";
import type { GuestConfig } from "@pvh/builder";
import { formatError, PvhError } from "@pvh/errors";
import type { Backend } from "./backend.ts";
import { type DomainRecord, isPresent } from "./domain.ts";
import type { DomainTable, Entry } from "./domain-table.ts";
import type { DomainTurnsParts } from "./domain-turns.ts";
import type { LifeCycle } from "./life-cycle.ts";
import { refuseOtherRequest, requireName, uuidTaken } from "./refusals.ts";
import type { Serial } from "./serial.ts";
import { isUndecided } from "./transfer/problems.ts";
import type { Arrival } from "./transfer/receiver.ts";

export interface NewDomainsParts extends DomainTurnsParts {
  backend: Backend;
}

export interface RestoreOptions {
  startPaused: boolean;
  /** Instead of the one that it was saved with. */
  name?: string | undefined;
}

/** How domains come to be: created, restored from a file, or received. Of one that cannot start nothing stays. */
export class NewDomains {
  readonly #table: DomainTable;
  readonly #serial: Serial;
  readonly #lifeCycle: LifeCycle;
  readonly #backend: Backend;

  constructor({ table, serial, lifeCycle, backend }: NewDomainsParts) {
    this.#table = table;
    this.#serial = serial;
    this.#lifeCycle = lifeCycle;
    this.#backend = backend;
  }

  /**
   * Creates and starts a domain. With a uuid that a domain of the same config has already, that domain is the answer
   * and `created` is false, so that a request whose answer got lost can be sent again.
   */
  async create(
    config: GuestConfig,
    startPaused: boolean,
  ): Promise<{ domain: DomainRecord; created: boolean }> {
    this.#refuseWhenClosing();
    const uuid = (config.uuid ?? randomUUID()).toLowerCase();
    const wanted: GuestConfig = { ...config, uuid };
    const known = this.#table.byUuid(uuid);
    if (known !== undefined) {
      refuseOtherRequest(known.record, wanted, startPaused);
      await known.creation;
      return { domain: known.record, created: false };
    }
    this.#table.requireFreeName(config.name);
    const launch = (entry: Entry) => this.#lifeCycle.launch(entry, startPaused);
    return { domain: await this.#createNew(uuid, wanted, startPaused, launch), created: true };
  }

  /**
   * Makes a domain of a saved one: with its name, uuid and devices, and its memory. What is known of an ended domain with
   * that uuid, perhaps of the same before it was saved, is forgotten.
   */
  async restore(file: string, { startPaused, name }: RestoreOptions): Promise<DomainRecord> {
    this.#refuseWhenClosing();
    const saved = await this.#backend.readSaved(file);
    return this.#goOn({ ...saved, name: name ?? saved.name }, startPaused, (entry) =>
      this.#lifeCycle.launch(entry, startPaused, file),
    );
  }

  /** Takes a domain that comes from another host, and runs when this resolves. */
  async receive(arrival: Arrival): Promise<void> {
    this.#refuseWhenClosing();
    const config = await this.#backend.readArrival(arrival.head);
    await this.#goOn(config, false, (entry) => this.#lifeCycle.land(entry, arrival));
  }

  /** Makes a domain that has been one before. */
  async #goOn(
    before: GuestConfig,
    startPaused: boolean,
    launch: (entry: Entry) => Promise<void>,
  ): Promise<DomainRecord> {
    const uuid = (before.uuid ?? randomUUID()).toLowerCase();
    const config: GuestConfig = { ...before, uuid };
    requireName(config.name);
    this.#table.requireFreeName(config.name);
    const known = this.#table.byUuid(uuid);
    if (known !== undefined) {
      if (isPresent(known.record)) throw uuidTaken(known.record);
      await this.#serial.run(uuid, async () => {
        // Somebody else may have been quicker, or have started it again.
        const entry = this.#table.byUuid(uuid);
        if (entry !== undefined && !isPresent(entry.record)) await this.#lifeCycle.forget(entry);
      });
    }
    return this.#createNew(uuid, config, startPaused, launch);
  }

  async #createNew(
    uuid: string,
    config: GuestConfig,
    startPaused: boolean,
    launch: (entry: Entry) => Promise<void>,
  ): Promise<DomainRecord> {
    const other = this.#table.byUuid(uuid);
    if (other !== undefined) throw uuidTaken(other.record);
    const entry = this.#table.add({
      uuid,
      name: config.name,
      config,
      startPaused,
      state: "creating",
      preserved: false,
      createdAt: new Date().toISOString(),
      restarts: 0,
      domid: this.#lifeCycle.reservedDomid(),
    });
    entry.creation = this.#serial.run(uuid, () => this.#firstStart(entry, launch));
    await entry.creation;
    return entry.record;
  }

  async #firstStart(entry: Entry, launch: (entry: Entry) => Promise<void>): Promise<void> {
    try {
      await launch(entry);
    } catch (error) {
      // Something of it is there, which has to be destroyed.
      if (isUndecided(error)) throw error;
      await this.#lifeCycle.forget(entry);
      this.#lifeCycle.log(entry, `could not be created: ${formatError(error)}`);
      throw error;
    } finally {
      entry.creation = undefined;
    }
    for (const ended of this.#table.endedByName(entry.record.name)) {
      void this.#serial
        .run(ended.record.uuid, () => this.#lifeCycle.forget(ended))
        .catch((error: unknown) => {
          this.#lifeCycle.log(ended, `could not be forgotten: ${formatError(error)}`);
        });
    }
  }

  #refuseWhenClosing(): void {
    if (!this.#lifeCycle.closing) return;
    throw new PvhError("DAEMON_UNREACHABLE", "pvhd is stopping; send the request again when it is back.");
  }
}
