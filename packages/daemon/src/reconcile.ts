import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { formatError, PvhError } from "@pvh/errors";
import { z } from "zod";
import type { Backend, Instance } from "./backend.ts";
import { type ExitRecord, isPresent } from "./domain.ts";
import type { DomainTable, Entry } from "./domain-table.ts";
import type { LifeCycle } from "./life-cycle.ts";

export interface Reconciliation {
  table: DomainTable;
  lifeCycle: LifeCycle;
  backend: Backend;
  stateDir: string;
  hostBoot: string;
  log: (line: string) => void;
}

/**
 * Brings the table in line with what runs, after the daemon was away:
 * - a live domain is found again, or ended by the record that it left, or `lost`;
 * - what remains of one that ended meanwhile is dealt with as its config says; a preserved one stays so;
 * - a domain in `creating` was never acknowledged: it is ended and forgotten;
 * - a runtime directory that no row knows belongs to such a one too.
 */
export async function reconcile(task: Reconciliation): Promise<void> {
  const present = task.table.entries().filter((entry) => isPresent(entry.record));
  const results = await Promise.allSettled(present.map((entry) => reconcileOne(task, entry)));
  for (const [index, result] of results.entries()) {
    if (result.status === "fulfilled") continue;
    // Nothing is known about it, so nothing is claimed: its record stays, and it can still be destroyed.
    const { name, uuid } = present[index]?.record ?? { name: "", uuid: "" };
    task.log(`domain ${name} (${uuid}) cannot be looked after: ${formatError(result.reason)}`);
  }
  await removeOrphans(task);
}

async function reconcileOne(task: Reconciliation, entry: Entry): Promise<void> {
  const { record, dir } = entry;
  if (record.state === "creating") {
    // Its directory is an orphan now, and goes as one.
    task.table.remove(entry);
    task.log(`domain ${record.name} (${record.uuid}) was never created to the end and is forgotten`);
    return;
  }
  const instance = await task.backend.find(dir, record.uuid);
  if (instance !== undefined && !instance.remains && (await takeUp(task, entry, instance))) return;
  if (instance?.remains === true) {
    task.lifeCycle.keep(entry, instance);
    if (!record.preserved) await task.lifeCycle.settle(entry, await instance.exited);
    return;
  }
  if (record.preserved) {
    task.lifeCycle.lose(entry);
    return;
  }
  if (record.state === "rebooting") {
    // A start may have been under way, of which nobody knows how far it had come.
    await task.backend.end(dir, record.uuid);
    task.lifeCycle.scheduleRestart(entry);
    return;
  }
  const exit = task.backend.exitRecord(dir);
  if (exit === undefined) await task.lifeCycle.settle(entry, lostRecord(task, entry), { state: "lost" });
  else await task.lifeCycle.settle(entry, exit);
}

/** False when the instance ended meanwhile. */
async function takeUp(task: Reconciliation, entry: Entry, instance: Instance): Promise<boolean> {
  try {
    const { state } = await instance.status();
    const startedAt = entry.record.run?.startedAt ?? new Date().toISOString();
    const run = { ...instance.started, startedAt, hostBoot: task.hostBoot };
    task.table.update(entry, { state, run, preserved: false });
    task.lifeCycle.adopt(entry, instance);
    task.log(`domain ${entry.record.name} (${entry.record.uuid}) is found again, ${state}`);
    return true;
  } catch (error) {
    task.log(`domain ${entry.record.name} (${entry.record.uuid}) does not answer: ${formatError(error)}`);
    if (error instanceof PvhError && error.code === "VMM_DIED") await instance.exited;
    if (!instance.remains) instance.disconnect();
    return false;
  }
}

function lostRecord(task: Reconciliation, { record }: Entry): ExitRecord {
  const at = new Date().toISOString();
  return record.run?.hostBoot === task.hostBoot
    ? { reason: "vmm-died", at, detail: "Its process ended without a record while pvhd was away." }
    : { reason: "host-lost", at, detail: "The host went down while the domain ran." };
}

async function removeOrphans(task: Reconciliation): Promise<void> {
  const domainsDir = join(task.stateDir, "domains");
  for (const name of await readdir(domainsDir)) {
    // Only what this program names: a file that somebody put here stays.
    if (!z.guid().safeParse(name).success || task.table.byUuid(name) !== undefined) continue;
    try {
      await discard(task, join(domainsDir, name), name);
      task.log(`the files of ${name}, which no domain owns, are removed`);
    } catch (error) {
      task.log(`the files of ${name}, which no domain owns, cannot be removed: ${formatError(error)}`);
    }
  }
}

async function discard(task: Reconciliation, dir: string, uuid: string): Promise<void> {
  await task.backend.end(dir, uuid);
  await rm(dir, { recursive: true, force: true });
}
