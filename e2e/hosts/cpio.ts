/**
 * cpio archives in the "newc" format, which Linux unpacks as initramfs.
 * Source: Documentation/driver-api/early-userspace/buffer-format.rst of Linux. Pure.
 */

export type CpioEntry = { path: string } & (
  | { kind: "file"; data: Uint8Array | string; mode?: number }
  | { kind: "dir"; mode?: number }
  | { kind: "link"; target: string }
  | { kind: "char"; major: number; minor: number; mode?: number }
);

const typeBits = { file: 0o100000, dir: 0o040000, link: 0o120000, char: 0o020000 };
const encoder = new TextEncoder();

/** Paths are relative ("bin/busybox"); a directory must stand before what it holds. Everything belongs to root. */
export function cpio(entries: readonly CpioEntry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let inode = 1;
  for (const entry of entries) parts.push(...record(entry.path, header(entry, inode++), contents(entry)));
  parts.push(...record("TRAILER!!!", { nlink: 1 }, new Uint8Array(0)));

  const archive = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    archive.set(part, at);
    at += part.length;
  }
  return archive;
}

interface Header {
  ino?: number;
  mode?: number;
  nlink: number;
  rdevMajor?: number;
  rdevMinor?: number;
}

function header(entry: CpioEntry, ino: number): Header {
  const permissions = entry.kind === "link" ? 0o777 : (entry.mode ?? (entry.kind === "dir" ? 0o755 : 0o644));
  const mode = typeBits[entry.kind] | permissions;
  if (entry.kind === "char") return { ino, mode, nlink: 1, rdevMajor: entry.major, rdevMinor: entry.minor };
  return { ino, mode, nlink: entry.kind === "dir" ? 2 : 1 };
}

function contents(entry: CpioEntry): Uint8Array {
  if (entry.kind === "link") return encoder.encode(entry.target);
  if (entry.kind !== "file") return new Uint8Array(0);
  return typeof entry.data === "string" ? encoder.encode(entry.data) : entry.data;
}

/** Header with name, and data; each padded to 4 bytes. */
function record(path: string, fields: Header, data: Uint8Array): Uint8Array[] {
  const name = encoder.encode(`${path}\0`);
  const { ino = 0, mode = 0, nlink, rdevMajor = 0, rdevMinor = 0 } = fields;
  const [uid, gid, mtime, devMajor, devMinor, check] = [0, 0, 0, 0, 0, 0];
  const numbers = [
    ino,
    mode,
    nlink,
    uid,
    gid,
    mtime,
    data.length,
    devMajor,
    devMinor,
    rdevMajor,
    rdevMinor,
    name.length,
    check,
  ];
  const text = `070701${numbers.map((number) => number.toString(16).padStart(8, "0")).join("")}`;
  const head = new Uint8Array(padded(text.length + name.length));
  head.set(encoder.encode(text));
  head.set(name, text.length);
  return [head, data, new Uint8Array(padded(data.length) - data.length)];
}

function padded(length: number): number {
  return (length + 3) & ~3;
}
