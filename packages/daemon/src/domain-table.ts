import { join } from "node:path";
import { PvhError } from "@pvh/errors";
import type { Instance } from "./backend.ts";
import { type DomainRecord, isLive } from "./domain.ts";
import { nextDomid } from "./domids.ts";
import type { Store } from "./store.ts";

/** A domain in memory. `record` is replaced, never changed in place; the database holds it too, unless a write failed. */
export interface Entry {
  record: DomainRecord;
  readonly dir: string;
  instance?: Instance | undefined;
  /** Settles when the domain was created; present while it is. */
  creation?: Promise<void> | undefined;
  restartTimer?: NodeJS.Timeout | undefined;
}

/** All domains, in memory for reading and written through to the store. */
export class DomainTable {
  readonly #entries = new Map<string, Entry>();
  readonly #store: Store;
  readonly #directory: string;
  #lastDomid: number;

  constructor(store: Store, directory: string) {
    this.#store = store;
    this.#directory = directory;
    for (const record of store.all()) this.#entries.set(record.uuid, this.#entry(record));
    this.#lastDomid = Math.max(0, ...this.entries().map(({ record }) => record.domid ?? 0));
  }

  entries(): Entry[] {
    return [...this.#entries.values()];
  }

  byUuid(uuid: string): Entry | undefined {
    return this.#entries.get(uuid);
  }

  liveByName(name: string): Entry | undefined {
    return this.entries().find(({ record }) => record.name === name && isLive(record.state));
  }

  liveByDomid(domid: number): Entry | undefined {
    return this.entries().find(({ record }) => record.domid === domid && isLive(record.state));
  }

  /** A domid that no live domain has. It is taken when a record has it. */
  freeDomid(): number {
    const live = this.entries().filter(({ record }) => isLive(record.state));
    this.#lastDomid = nextDomid(this.#lastDomid, new Set(live.flatMap(({ record }) => record.domid ?? [])));
    return this.#lastDomid;
  }

  endedByName(name: string): Entry[] {
    return this.entries().filter(({ record }) => record.name === name && !isLive(record.state));
  }

  /** @param id uuid, name, or domid of a live domain; a live domain comes before an ended one of the same name */
  find(id: string): Entry {
    const entry =
      this.#entries.get(id.toLowerCase()) ??
      this.liveByName(id) ??
      (/^[1-9][0-9]{0,4}$/.test(id) ? this.liveByDomid(Number(id)) : undefined) ??
      this.endedByName(id).at(-1);
    if (entry === undefined) {
      throw new PvhError(
        "DOMAIN_NOT_FOUND",
        `There is no domain with the name, uuid or domid ${JSON.stringify(id)}.`,
        {
          field: "id",
          found: id,
        },
      );
    }
    return entry;
  }

  add(record: DomainRecord): Entry {
    this.#store.save(record);
    const entry = this.#entry(record);
    this.#entries.set(record.uuid, entry);
    return entry;
  }

  update(entry: Entry, changes: Partial<DomainRecord>): void {
    const record = { ...entry.record, ...changes };
    this.#store.save(record);
    entry.record = record;
  }

  remove(entry: Entry): void {
    this.#store.remove(entry.record.uuid);
    this.#entries.delete(entry.record.uuid);
  }

  #entry(record: DomainRecord): Entry {
    return { record, dir: join(this.#directory, record.uuid) };
  }
}
