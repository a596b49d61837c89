import { readdirSync, readFileSync, statSync } from "node:fs";
import { VMM_TITLE } from "../../protocol.ts";

/** At most so many are named. */
const MAX_NAMED = 3;

/**
 * Who has the file open, as people know them and as far as this user may see: `domain web`, `process 123 (qemu)`.
 *
 * @param except a descriptor of this process that does not count.
 */
export function usersOfFile(file: { dev: number; ino: number }, except: number): string[] {
  const users: string[] = [];
  for (const pid of namesIn("/proc").filter((name) => /^\d+$/.test(name))) {
    if (users.length === MAX_NAMED) break;
    const own = pid === `${process.pid}`;
    const descriptors = namesIn(`/proc/${pid}/fd`).filter((fd) => !own || fd !== `${except}`);
    if (!descriptors.some((fd) => isSame(`/proc/${pid}/fd/${fd}`, file))) continue;
    users.push(own ? "this domain itself, for another disk," : nameOf(pid));
  }
  return users;
}

function nameOf(pid: string): string {
  try {
    const [title = ""] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    if (title.startsWith(`${VMM_TITLE} `)) return `domain ${title.slice(VMM_TITLE.length + 1)}`;
    return `process ${pid} (${readFileSync(`/proc/${pid}/comm`, "utf8").trim()})`;
  } catch {
    return `process ${pid}`;
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    // Ended meanwhile, or another user's.
    return [];
  }
}

function isSame(path: string, file: { dev: number; ino: number }): boolean {
  try {
    const stat = statSync(path);
    return stat.dev === file.dev && stat.ino === file.ino;
  } catch {
    return false;
  }
}
