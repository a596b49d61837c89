import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { Doorbell } from "../shared/doorbell.ts";
import { History } from "./history.ts";
import { ConsoleLog, readConsoleLog } from "./log.ts";
import { OutputRing } from "./output-ring.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (raw: Uint8Array) => new TextDecoder().decode(raw);

test("the history keeps the last bytes, however they came", () => {
  const history = new History(10);
  for (const letter of "abcdefghijklmnopqrstuvwxyz") history.append(bytes(letter));
  expect(text(history.bytes())).toBe("qrstuvwxyz");
  history.append(bytes("0123456789ABCDEF"));
  expect(text(history.bytes())).toBe("6789ABCDEF");
});

test("the last line is the last that says something, without control characters", () => {
  const history = new History(1000);
  expect(history.lastLine()).toBeUndefined();
  history.append(bytes("one\r\n\u001b[1mtwo\u0007\r\n \r\n\r\n"));
  expect(history.lastLine()).toBe("[1mtwo");
});

test("the log rotates once and stays bounded", () => {
  const dir = mkdtempSync(join(tmpdir(), "pvh-log-"));
  try {
    const log = new ConsoleLog(dir);
    for (const letter of "abcde") log.append(bytes(letter.repeat(400 * 1024)));
    expect(text(readFileSync(join(dir, "console.log")))).toBe("e".repeat(400 * 1024));
    expect(text(readConsoleLog(dir))).toBe(["c", "d", "e"].map((l) => l.repeat(400 * 1024)).join(""));
    // A log that is opened again goes on where it was.
    new ConsoleLog(dir).append(bytes("f"));
    expect(text(readConsoleLog(dir)).at(-1)).toBe("f");
    expect(readConsoleLog(join(dir, "absent")).length).toBe(0);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test("nothing is lost between a thread that floods and a main thread that drains", async () => {
  const ringBuffer = new SharedArrayBuffer(OutputRing.size);
  const doorbellBuffer = new SharedArrayBuffer(Doorbell.size);
  const doorbell = new Doorbell(doorbellBuffer);
  const ring = new OutputRing(ringBuffer, doorbell);
  const total = 1_000_003;
  const source = `
    const { workerData } = require("node:worker_threads");
    (async () => {
      const { OutputRing } = await import(workerData.ring);
      const { Doorbell } = await import(workerData.doorbell);
      const ring = new OutputRing(workerData.ringBuffer, new Doorbell(workerData.doorbellBuffer));
      const chunk = new Uint8Array(251);
      for (let at = 0; at < ${total}; at += chunk.length) {
        const length = Math.min(chunk.length, ${total} - at);
        for (let i = 0; i < length; i++) chunk[i] = (at + i) % 253;
        ring.write(chunk, length, () => false);
      }
    })();`;
  const worker = new Worker(source, {
    eval: true,
    workerData: {
      ringBuffer,
      doorbellBuffer,
      ring: new URL("output-ring.ts", import.meta.url).href,
      doorbell: new URL("../shared/doorbell.ts", import.meta.url).href,
    },
  });
  let seen = 0;
  let wrong = 0;
  const over = new AbortController();
  await doorbell.listen(() => {
    for (const byte of ring.drain() ?? []) {
      if (byte !== seen % 253) wrong++;
      seen++;
    }
    if (seen === total) over.abort();
  }, over.signal);
  expect([seen, wrong]).toEqual([total, 0]);
  await worker.terminate();
});

test("a writer that is told to stop does not wait for room", () => {
  const ring = new OutputRing(new SharedArrayBuffer(OutputRing.size), new Doorbell(new SharedArrayBuffer(8)));
  ring.write(new Uint8Array(1 << 17), 1 << 17, () => true);
  expect(ring.drain()?.length).toBe(1 << 16);
  expect(ring.drain()).toBeUndefined();
});
