import { XS } from "@pvh/abi";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { encodeMessage, MessageReader } from "./message.ts";
import type { StoreTransport, TransportListener } from "./transport.ts";
import { XenStore } from "./xenstore.ts";

/** Carries messages to nowhere; the test says what comes back. */
class MemoryTransport implements StoreTransport {
  listener: TransportListener | undefined;
  readonly sent: number[] = [];
  closed = 0;
  readonly #reader = new MessageReader();

  open(listener: TransportListener): void {
    this.listener = listener;
  }
  send(message: Uint8Array): void {
    for (const { requestId } of this.#reader.take(message)) this.sent.push(requestId);
  }
  close(): void {
    this.closed++;
  }
  answer(requestId: number | undefined, payload: string): void {
    const message = { type: XS.READ, requestId: requestId ?? 0, transactionId: 0, payload };
    this.listener?.received(encodeMessage(message));
  }
  event(): void {
    const message = { type: XS.WATCH_EVENT, requestId: 0, transactionId: 0, payload: "/a\x009\0" };
    this.listener?.received(encodeMessage(message));
  }
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function open(): { transport: MemoryTransport; store: XenStore } {
  const transport = new MemoryTransport();
  return { transport, store: new XenStore(transport, { silenceLimit: 1000 }) };
}

test("a request that gets no reply ends the connection, however much is said otherwise", async () => {
  const { transport, store } = open();
  const call = store.read("/silent").catch((error: unknown) => error);
  for (let i = 0; i < 9; i++) {
    await vi.advanceTimersByTimeAsync(100);
    transport.event();
    const other = store.read("/other");
    transport.answer(transport.sent.at(-1), "value");
    expect(await other).toBe("value");
  }
  expect(transport.closed).toBe(0);
  await vi.advanceTimersByTimeAsync(101);
  expect(transport.closed).toBe(1);
  const says = /has not answered within 1 s when it was asked to read "\/silent"/;
  expect(await call).toMatchObject({ cause: { message: expect.stringMatching(says) } });
});

test("each request has its own time", async () => {
  const { transport, store } = open();
  const first = store.read("/a");
  await vi.advanceTimersByTimeAsync(600);
  const second = store.read("/b");
  await vi.advanceTimersByTimeAsync(300);
  transport.answer(transport.sent[0], "1");
  expect(await first).toBe("1");
  await vi.advanceTimersByTimeAsync(600);
  transport.answer(transport.sent[1], "2");
  expect(await second).toBe("2");
  await vi.advanceTimersByTimeAsync(10_000);
  const third = store.read("/c");
  await vi.advanceTimersByTimeAsync(900);
  transport.answer(transport.sent[2], "3");
  expect(await third).toBe("3");
  const fourth = store.read("/d").catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(1001);
  expect(await fourth).toMatchObject({ code: "XENSTORE" });
});

test("an answer that lies there already is not too late", async () => {
  vi.useRealTimers();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  const { transport, store } = open();
  const call = store.read("/a");
  // This thread was busy until now: the time is over, and the answer is read in the same turn of the event loop.
  vi.advanceTimersByTime(1000);
  transport.answer(transport.sent[0], "value");
  expect(await call).toBe("value");
  await new Promise((resolve) => setImmediate(resolve));
  expect(transport.closed).toBe(0);
});

test("after the end, the transport's last words are not heard", async () => {
  const { transport, store } = open();
  const changed = vi.fn();
  void store.watch("/a", changed).catch(() => {});
  store.close();
  transport.event();
  transport.listener?.ended(new Error("late"));
  expect(await store.closed).toBeUndefined();
  expect(changed).not.toHaveBeenCalled();
  expect(transport.closed).toBe(1);
  await expect(store.read("/a")).rejects.toThrow("closed here");
});

test("any number of requests needs one timer, and none is left", async () => {
  const { store } = open();
  const calls = ["/a", "/b", "/c"].map((path) => store.read(path).catch(() => {}));
  expect(vi.getTimerCount()).toBe(1);
  store.close();
  expect(vi.getTimerCount()).toBe(0);
  await Promise.all(calls);
});
