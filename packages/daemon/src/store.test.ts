import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GuestConfig } from "@pvh/builder";
import Database from "better-sqlite3";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { DomainRecord } from "./domain.ts";
import { lockStateDir } from "./state-lock.ts";
import { openStore } from "./store.ts";

let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pvhd-store-"));
  file = join(dir, "pvhd.db");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function record(changes: Partial<DomainRecord> = {}): DomainRecord {
  return {
    uuid: "11111111-1111-4111-8111-111111111111",
    name: "g",
    config: GuestConfig.parse({ name: "g", type: "pvh", kernel: "/k" }),
    startPaused: false,
    state: "running",
    preserved: false,
    createdAt: "2026-01-01T00:00:00.000Z",
    restarts: 0,
    ...changes,
  };
}

const full = record({
  state: "crashed",
  startPaused: true,
  restarts: 3,
  domid: 9,
  run: {
    startedAt: "2026-01-01T00:00:01.000Z",
    pid: 7,
    bootInterface: "classic",
    platform: "xen",
    stages: [{ name: "inspect", ms: 0.5 }],
    hostBoot: "b",
  },
  exit: {
    reason: "triple-fault",
    at: "2026-01-01T00:00:02.000Z",
    report: { vcpu: 0, rip: "0x0", registers: { rax: "0x1" }, lastExits: ["hlt"] },
  },
});

test("what is saved comes back after closing, in order of creation", () => {
  const store = openStore(file);
  const later = record({
    uuid: "22222222-2222-4222-8222-222222222222",
    name: "h",
    createdAt: "2026-01-02T00:00:00.000Z",
  });
  store.save(later);
  store.save(record());
  store.save(full);
  store.close();
  const again = openStore(file);
  expect(again.all()).toEqual([full, later]);
  again.remove(full.uuid);
  expect(again.all()).toEqual([later]);
  again.close();
});

test("the database itself refuses two live domains of one name", () => {
  const store = openStore(file);
  store.save(record());
  const twin = record({ uuid: "22222222-2222-4222-8222-222222222222" });
  expect(() => store.save(twin)).toThrow(/UNIQUE/);
  store.save({ ...twin, state: "shutdown" });
  store.close();
});

test("the database itself refuses two live domains of one domid, not an ended one", () => {
  const store = openStore(file);
  store.save(record({ domid: 3 }));
  const twin = record({ uuid: "22222222-2222-4222-8222-222222222222", name: "h", domid: 3 });
  expect(() => store.save(twin)).toThrow(/UNIQUE/);
  store.save({ ...twin, state: "shutdown" });
  store.close();
});

test("a preserved domain has its name and domid, an ended one has not", () => {
  const store = openStore(file);
  store.save(record({ state: "crashed", preserved: true, domid: 3 }));
  expect(store.all()).toEqual([record({ state: "crashed", preserved: true, domid: 3 })]);
  const twin = record({ uuid: "22222222-2222-4222-8222-222222222222" });
  expect(() => store.save(twin)).toThrow(/UNIQUE/);
  expect(() => store.save({ ...twin, name: "h", domid: 3 })).toThrow(/UNIQUE/);
  store.save(record({ state: "crashed", domid: 3 }));
  store.save({ ...twin, domid: 3 });
  store.close();
});

test("a database of the version before there were preserved domains is read", () => {
  openStore(file).close();
  const database = new Database(file);
  database.exec(`DROP INDEX present_name; DROP INDEX present_domid; ALTER TABLE domains DROP COLUMN preserved;
    CREATE UNIQUE INDEX live_name ON domains (name) WHERE state = 'running';
    CREATE UNIQUE INDEX live_domid ON domains (domid) WHERE state = 'running';
    PRAGMA user_version = 2;`);
  const config = { ...record().config, max_grant_version: 1 };
  database
    .prepare(
      `INSERT INTO domains (uuid, name, config, start_paused, state, created_at, restarts, domid)
       VALUES (?, 'g', ?, 0, 'running', ?, 0, 4)`,
    )
    .run(record().uuid, JSON.stringify(config), record().createdAt);
  database.close();
  const store = openStore(file);
  expect(store.all()).toEqual([record({ config, domid: 4 })]);
  store.close();
});

test("a database of a newer version is refused, not touched", () => {
  openStore(file).close();
  const database = new Database(file);
  database.pragma("user_version = 99");
  database.close();
  expect(() => openStore(file)).toThrow(
    expect.objectContaining({ code: "DAEMON_STATE", message: expect.stringMatching(/version 99/) }),
  );
});

test("a damaged row is named", () => {
  const store = openStore(file);
  store.save(record());
  store.close();
  const database = new Database(file);
  database.exec("UPDATE domains SET config = '{'");
  database.close();
  expect(() => openStore(file).all()).toThrow(
    expect.objectContaining({
      code: "DAEMON_STATE",
      message: expect.stringMatching(/11111111-1111-4111-8111-111111111111/),
    }),
  );
});

test("a file that is no database is refused with a sentence", () => {
  rmSync(file, { force: true });
  const database = join(dir, "lock.db");
  expect(() => openStore(dir)).toThrow(expect.objectContaining({ code: "DAEMON_STATE" }));
  expect(() => statSync(database)).toThrow();
});

test("a state directory has one owner until it lets go", () => {
  const release = lockStateDir(dir);
  expect(() => lockStateDir(dir)).toThrow(
    expect.objectContaining({
      code: "DAEMON_RUNNING",
      message: expect.stringMatching(new RegExp(`process ${process.pid}`)),
    }),
  );
  release();
  lockStateDir(dir)();
});

test("a state directory that cannot be is refused with a sentence", () => {
  expect(() => lockStateDir("/proc/pvhd")).toThrow(expect.objectContaining({ code: "DAEMON_STATE" }));
});

test("a database that takes no more is the disk's fault, and says so", () => {
  const store = openStore(file);
  store.save(record());
  const limit = new Database(file);
  limit.exec(
    "CREATE TRIGGER full BEFORE INSERT ON domains BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END",
  );
  limit.close();
  const failure = () => store.save(record({ uuid: "33333333-3333-4333-8333-333333333333" }));
  expect(failure).toThrow(expect.objectContaining({ code: "DAEMON_STATE" }));
  expect(failure).toThrow(/free space on its disk/);
  store.close();
});
