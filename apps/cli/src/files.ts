import { closeSync, openSync, readSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { configWarnings, type GuestConfig, parseGuestConfig } from "@pvh/builder";
import { PvhError } from "@pvh/errors";

/** Reads an xl config file; paths in it are relative to its own folder, those in overrides to the working folder. */
export function readGuestConfig(path: string, overrides: string[]): GuestConfig {
  const config = parseGuestConfig(readConfigText(path), { filename: path, overrides });
  for (const warning of configWarnings(config)) process.stderr.write(`pvhctl: warning: ${warning}\n`);
  const overridden = new Set(overrides.map((override) => override.split("=", 1)[0]?.trim()));
  const absolute = (key: string, value: string) =>
    resolve(overridden.has(key) ? process.cwd() : dirname(resolve(path)), value);
  const { ramdisk } = config;
  return {
    ...config,
    kernel: absolute("kernel", config.kernel),
    ...(ramdisk === undefined ? {} : { ramdisk: absolute("ramdisk", ramdisk) }),
    disk: config.disk.map((disk) => ({ ...disk, target: absolute("disk", disk.target) })),
  };
}

/** What the config reader takes; one byte more is read, so that it can say that there is too much. */
const MAX_CONFIG = 2 ** 20;

/** Configs may also come from a pipe, or from /dev/null when everything is on the command line. */
function readConfigText(path: string): string {
  let bytes: Uint8Array;
  try {
    bytes = readUpTo(path, MAX_CONFIG + 1);
  } catch (error) {
    throw unreadable(path, error);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    const sentence = `config: ${path} is not UTF-8 text; a guest config is needed here.`;
    throw new PvhError("CONFIG_SYNTAX", sentence, { field: "config", allowed: "UTF-8 text", cause });
  }
}

/** At most `limit` bytes: what is no regular file may have no end. */
function readUpTo(path: string, limit: number): Uint8Array {
  const fd = openSync(path, "r");
  try {
    const bytes = new Uint8Array(limit);
    let length = 0;
    while (length < limit) {
      const read = readSync(fd, bytes, length, limit - length, null);
      if (read === 0) break;
      length += read;
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}

function unreadable(path: string, error: unknown): PvhError {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  const reasons: Record<string, string> = {
    ENOENT: "does not exist: check the path",
    EACCES: "may not be read by this user: check its permissions",
    EISDIR: "is a directory",
  };
  const sentence = `config: ${path} ${reasons[code] ?? `cannot be read (${code})`}.`;
  return new PvhError("FILE_UNREADABLE", sentence, { field: "config", found: path, cause: error });
}
