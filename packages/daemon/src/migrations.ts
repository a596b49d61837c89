import { PvhError } from "@pvh/errors";
import type { Database } from "better-sqlite3";

/** Entry i brings a database of version i to version i + 1. Entries are never changed once released. */
const migrations: readonly string[] = [
  `CREATE TABLE domains (
     uuid TEXT PRIMARY KEY,
     name TEXT NOT NULL,
     config TEXT NOT NULL,
     start_paused INTEGER NOT NULL,
     state TEXT NOT NULL,
     created_at TEXT NOT NULL,
     restarts INTEGER NOT NULL,
     run TEXT,
     exit TEXT
   ) STRICT;
   CREATE UNIQUE INDEX live_name ON domains (name)
     WHERE state IN ('creating', 'paused', 'running', 'shutting-down', 'rebooting');`,
  `ALTER TABLE domains ADD COLUMN domid INTEGER;
   CREATE UNIQUE INDEX live_domid ON domains (domid)
     WHERE state IN ('creating', 'paused', 'running', 'shutting-down', 'rebooting');`,
  `ALTER TABLE domains ADD COLUMN preserved INTEGER NOT NULL DEFAULT 0;
   DROP INDEX live_name;
   DROP INDEX live_domid;
   CREATE UNIQUE INDEX present_name ON domains (name)
     WHERE preserved OR state IN ('creating', 'paused', 'running', 'shutting-down', 'rebooting');
   CREATE UNIQUE INDEX present_domid ON domains (domid)
     WHERE preserved OR state IN ('creating', 'paused', 'running', 'shutting-down', 'rebooting');`,
];

export function migrate(database: Database, path: string): void {
  const version = Number(database.pragma("user_version", { simple: true }));
  if (version > migrations.length) {
    throw new PvhError(
      "DAEMON_STATE",
      `The database ${path} has version ${version}, which a newer pvhd wrote; this one reads versions up to ${migrations.length}. Start the newer pvhd, or give another directory with --state.`,
      { field: "user_version", found: version, allowed: migrations.length },
    );
  }
  for (const [index, script] of migrations.entries()) {
    if (index < version) continue;
    database.transaction(() => {
      database.exec(script);
      database.pragma(`user_version = ${index + 1}`);
    })();
  }
}
