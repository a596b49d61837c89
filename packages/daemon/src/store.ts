import { PvhError } from "@pvh/errors";
import Database from "better-sqlite3";
import { z } from "zod";
import { DomainRecord } from "./domain.ts";
import { migrate } from "./migrations.ts";

const Row = z.object({
  uuid: z.string(),
  name: z.string(),
  config: z.string(),
  start_paused: z.number(),
  state: z.string(),
  preserved: z.number(),
  created_at: z.string(),
  restarts: z.number(),
  domid: z.number().nullable(),
  run: z.string().nullable(),
  exit: z.string().nullable(),
});
type Row = z.infer<typeof Row>;

/** The domains in SQLite: intent and history. What runs right now is known by the backend alone. */
export interface Store {
  all(): DomainRecord[];
  /** Inserts the record, or replaces the one of the same uuid. */
  save(record: DomainRecord): void;
  remove(uuid: string): void;
  close(): void;
}

/** @param path file of the database, or `:memory:` */
export function openStore(path: string): Store {
  const database = open(path);
  const all = database.prepare<[], unknown>("SELECT * FROM domains ORDER BY created_at, uuid");
  const save = database.prepare<Row>(
    `INSERT INTO domains (uuid, name, config, start_paused, state, preserved, created_at, restarts, domid, run, exit)
     VALUES (@uuid, @name, @config, @start_paused, @state, @preserved, @created_at, @restarts, @domid, @run, @exit)
     ON CONFLICT (uuid) DO UPDATE SET
       name = excluded.name, config = excluded.config, start_paused = excluded.start_paused,
       state = excluded.state, preserved = excluded.preserved, created_at = excluded.created_at, restarts = excluded.restarts,
       domid = excluded.domid, run = excluded.run, exit = excluded.exit`,
  );
  const remove = database.prepare<[string]>("DELETE FROM domains WHERE uuid = ?");
  return {
    all: () => all.all().map(toRecord),
    save: (record) => written(path, () => save.run(toRow(record))),
    remove: (uuid) => written(path, () => remove.run(uuid)),
    close: () => {
      database.close();
    },
  };
}

function open(path: string): Database.Database {
  try {
    const database = new Database(path);
    database.pragma("journal_mode = WAL");
    // A power cut may take the last changes, never the consistency; the backends know what really runs.
    database.pragma("synchronous = NORMAL");
    migrate(database, path);
    return database;
  } catch (cause) {
    if (cause instanceof PvhError) throw cause;
    throw new PvhError(
      "DAEMON_STATE",
      `The database ${path} cannot be opened; restore it from a copy, or move it away to begin with an empty one.`,
      { field: "--state", found: path, cause },
    );
  }
}

function written(path: string, action: () => unknown): void {
  try {
    action();
  } catch (cause) {
    if (!(cause instanceof Database.SqliteError)) throw cause;
    throw new PvhError(
      "DAEMON_STATE",
      `The database ${path} cannot be written (${cause.code}): free space on its disk, and check that pvhd may write there.`,
      { field: "--state", found: cause.code, cause },
    );
  }
}

function toRow(record: DomainRecord): Row {
  return {
    uuid: record.uuid,
    name: record.name,
    config: JSON.stringify(record.config),
    start_paused: record.startPaused ? 1 : 0,
    state: record.state,
    preserved: record.preserved ? 1 : 0,
    created_at: record.createdAt,
    restarts: record.restarts,
    domid: record.domid ?? null,
    run: record.run === undefined ? null : JSON.stringify(record.run),
    exit: record.exit === undefined ? null : JSON.stringify(record.exit),
  };
}

function toRecord(value: unknown): DomainRecord {
  const uuid = z.object({ uuid: z.string() }).catch({ uuid: "unknown" }).parse(value).uuid;
  try {
    const row = Row.parse(value);
    return DomainRecord.parse({
      uuid: row.uuid,
      name: row.name,
      config: JSON.parse(row.config),
      startPaused: row.start_paused !== 0,
      state: row.state,
      preserved: row.preserved !== 0,
      createdAt: row.created_at,
      restarts: row.restarts,
      ...(row.domid === null ? {} : { domid: row.domid }),
      ...(row.run === null ? {} : { run: JSON.parse(row.run) }),
      ...(row.exit === null ? {} : { exit: JSON.parse(row.exit) }),
    });
  } catch (cause) {
    throw new PvhError(
      "DAEMON_STATE",
      `The row of domain ${uuid} in the database is damaged; repair it with sqlite3, or delete the row.`,
      { field: uuid, cause },
    );
  }
}
