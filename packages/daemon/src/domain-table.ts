import { join } from "node:path";
import { PvhError } from "@pvh/errors";
import type { Instance } from "./backend.ts";
import { type DomainRecord, isPresent } from "./domain.ts";
import { nextDomid } from "./domids.ts";
import { nameTaken } from "./refusals.ts";
import type { Store } from "./store.ts";

/** A domain in memory. `record` is replaced, never changed in place; the database holds it too, unless a write failed. */
export interface Entry {
  record: DomainRecord;
  readonly dir: string;
  instance?: Instance | undefined;
  /** Settles when the domain was created; present while it is. */
  creation?: Promise<void> | undefined;
  /** It is being saved, which takes a while, and which whoever ends it breaks off. */
  saving?: boolean;
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

  presentByName(name: string): Entry | undefined {
    return this.entries().find(({ record }) => record.name === name && isPresent(record));
  }

  /** @throws PvhError DOMAIN_NAME_TAKEN */
  requireFreeName(name: string): void {
    const holder = this.presentByName(name);
    if (holder !== undefined) throw nameTaken(holder.record);
  }

  presentByDomid(domid: number): Entry | undefined {
    return this.entries().find(({ record }) => record.domid === domid && isPresent(record));
  }

  /** A domid that no present domain has. It is taken when a record has it. */
  freeDomid(): number {
    const present = this.entries().filter(({ record }) => isPresent(record));
    const used = new Set(present.flatMap(({ record }) => record.domid ?? []));
    this.#lastDomid = nextDomid(this.#lastDomid, used);
    return this.#lastDomid;
  }

  /** Records of which nothing is on the host any more. */
  endedByName(name: string): Entry[] {
    return this.entries().filter(({ record }) => record.name === name && !isPresent(record));
  }

  /** @param id uuid, name, or domid of a present domain; which comes before an ended one of the same name */
  lookUp(id: string): Entry | undefined {
    return (
      this.#entries.get(id.toLowerCase()) ??
      this.presentByName(id) ??
      (/^[1-9][0-9]{0,4}$/.test(id) ? this.presentByDomid(Number(id)) : undefined) ??
      this.endedByName(id).at(-1)
    );
  }

  /** @throws PvhError DOMAIN_NOT_FOUND */
  find(id: string): Entry {
    const entry = this.lookUp(id);
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
