import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { availableMemory, requireMemory } from "./memory.ts";

const MIB = 2 ** 20;
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "pvh-memory-"));
  write("proc/meminfo", "MemTotal:       8388608 kB\nMemFree:  1 kB\nMemAvailable:    4194304 kB\n");
});
afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, content: string | number): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), `${content}\n`);
}

test("without control groups: what the host has available", () => {
  expect(availableMemory(root)).toEqual({ bytes: 4096 * MIB, limit: "the host (MemAvailable)" });
});

test("version 2: the tightest group on the way to the root, less its usage", () => {
  write("proc/self/cgroup", "0::/a/b");
  write("sys/fs/cgroup/a/b/memory.max", "max");
  write("sys/fs/cgroup/a/b/memory.current", 10 * MIB);
  write("sys/fs/cgroup/a/memory.max", 1000 * MIB);
  write("sys/fs/cgroup/a/memory.current", 700 * MIB);
  write("sys/fs/cgroup/a/memory.stat", `anon 1\ninactive_file ${100 * MIB}`);
  expect(availableMemory(root)).toEqual({
    bytes: 400 * MIB,
    limit: `the control group ${join(root, "sys/fs/cgroup/a")}`,
  });
});

test("version 1: the memory controller's groups; its huge number is no limit", () => {
  write("proc/self/cgroup", "3:cpu:/x\n4:memory:/x\n0::/");
  write("sys/fs/cgroup/memory/x/memory.limit_in_bytes", 512 * MIB);
  write("sys/fs/cgroup/memory/x/memory.usage_in_bytes", 12 * MIB);
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712");
  write("sys/fs/cgroup/memory/memory.usage_in_bytes", 1);
  expect(availableMemory(root).bytes).toBe(500 * MIB);
});

test("the refusal names what was asked, what there is and what to do", () => {
  const available = { bytes: 100 * MIB, limit: "the host (MemAvailable)" };
  expect(() => requireMemory(36 * MIB, available)).not.toThrow();
  expect(() => requireMemory(37 * MIB, available)).toThrow(
    "The guest needs 101 MiB (its memory of 37 MiB and 64 MiB for its process), but the host (MemAvailable) has 100 MiB left: lower memory or free some on the host.",
  );
});
