import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { IoUring } from "./io-uring.ts";
import { mapAnonymous, viewOf } from "./libc.ts";

const SIZE = 4 << 20;
const available = (() => {
  const uring = IoUring.open(() => undefined);
  uring?.release();
  return uring !== undefined;
})();
const withUring = test.skipIf(!available && process.env.CI !== "true");

let directory: string;
let path: string;
let fd: number;
let memory: Uint8Array;
let base: number;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "pvh-uring-"));
  path = join(directory, "file");
  fd = openSync(path, "w+");
  const mapping = mapAnonymous(SIZE);
  if (mapping === undefined) throw new Error("no memory");
  memory = new Uint8Array(viewOf(mapping));
  base = Number(mapping.address);
});
afterAll(() => {
  closeSync(fd);
  rmSync(directory, { recursive: true });
});

function open(settled: () => void = () => undefined): IoUring {
  const uring = IoUring.open(settled);
  if (uring === undefined) throw new Error("no io_uring here");
  return uring;
}

withUring("writes, syncs and reads pieces in their order", async () => {
  let batches = 0;
  const uring = open(() => batches++);
  memory.fill(1, 0, 100);
  memory.fill(2, 5000, 5200);
  const pieces = [
    { address: base + 5000, length: 200 },
    { address: base, length: 100 },
  ];
  const run = (start: (done: (result: number) => void) => void) =>
    new Promise<number>((resolve) => {
      start(resolve);
      uring.submit();
    });
  expect(await run((done) => uring.write(fd, 7, pieces, done))).toBe(300);
  expect(await run((done) => uring.sync(fd, done))).toBe(0);
  const expected = new Uint8Array(307);
  expected.fill(2, 7, 207).fill(1, 207);
  expect(new Uint8Array(readFileSync(path))).toEqual(expected);
  expect(await run((done) => uring.read(fd, 207, [{ address: base + 9000, length: 4096 }], done))).toBe(100);
  expect([memory[9000], memory[9099], memory[9100]]).toEqual([1, 1, 0]);
  expect(await run((done) => uring.read(-1, 0, [{ address: base, length: 1 }], done))).toBe(
    -constants.errno.EBADF,
  );
  expect(batches).toBeGreaterThanOrEqual(4);
  uring.release();
});

withUring("takes more operations than it has room for, also from completions", async () => {
  const uring = open();
  const results = new Map<number, number>();
  const total = 2000;
  await new Promise<void>((resolve) => {
    const read = (index: number) => {
      uring.read(fd, 0, [{ address: base + (index % 1000) * 4096, length: 300 }], (result) => {
        expect(results.has(index)).toBe(false);
        results.set(index, result);
        if (index < 1000) read(index + 1000);
        if (results.size === total) resolve();
      });
    };
    for (let i = 0; i < 1000; i++) read(i);
    uring.submit();
  });
  expect([...results.values()].every((result) => result === 300)).toBe(true);
  uring.release();
});

withUring("what does not complete at once wakes the event loop", async () => {
  const fifo = join(directory, "fifo");
  execFileSync("mkfifo", [fifo]);
  const pipe = openSync(fifo, "r+");
  const uring = open();
  let settled = false;
  const read = new Promise<number>((resolve) => {
    uring.read(pipe, 0, [{ address: base, length: 10 }], resolve);
    uring.submit();
  }).then((result) => {
    settled = true;
    return result;
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(settled).toBe(false);
  writeSync(pipe, "hello");
  expect(await read).toBe(5);
  uring.release();
  closeSync(pipe);
});

withUring("rings are used again", () => {
  const first = open();
  first.release();
  const second = open();
  expect(second).toBe(first);
  const third = open();
  expect(third).not.toBe(first);
  second.release();
  third.release();
});
