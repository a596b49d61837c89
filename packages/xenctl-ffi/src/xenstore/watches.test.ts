import { XS } from "@pvh/abi";
import { expect, test, vi } from "vitest";
import { agree, type FakeAnswer, type FakePeer, shownRequests, withFake } from "./fake-xenstored.testing.ts";

/** Agrees to watches with their first event, before or after the reply; a write to /fire sends its value as an event. */
const watching: FakeAnswer = (request, peer) => {
  const [path = "", rest = ""] = request.payload.split("\0");
  if (request.type === XS.WATCH && path === "/early") peer.events(request.payload);
  if (request.type === XS.WRITE && path === "/fire") peer.events(rest.replace("=", "\0").concat("\0"));
  peer.agree(request);
  if (request.type === XS.WATCH && path !== "/early") peer.events(request.payload);
};

test("each watch has its own token and gets its own events, the first included", async () => {
  await withFake(watching, async (store, requests) => {
    const [a, again, early] = [vi.fn(), vi.fn(), vi.fn()];
    await Promise.all([store.watch("/a", a), store.watch("/a", again), store.watch("/early", early)]);
    expect(shownRequests(requests)).toEqual(["WATCH /a|0|", "WATCH /a|1|", "WATCH /early|2|"]);
    await store.write("/fire", "/a/below=1");
    await store.write("/fire", "/early=2");
    await store.write("/fire", "/a=77");
    expect(a.mock.calls).toEqual([["/a"]]);
    expect(again.mock.calls).toEqual([["/a"], ["/a/below"]]);
    expect(early.mock.calls).toEqual([["/early"], ["/early"]]);
  });
});

test("a stopped watch is told to xenstored once, and is silent from then on", async () => {
  await withFake(watching, async (store, requests) => {
    const changed = vi.fn();
    const stop = await store.watch("/a", changed);
    await store.read("/barrier");
    await Promise.all([store.write("/fire", "/a=0"), stop(), stop()]);
    await stop();
    await store.write("/fire", "/a=0");
    expect(changed.mock.calls).toEqual([["/a"]]);
    expect(shownRequests(requests).filter((text) => text.startsWith("UNWATCH"))).toEqual(["UNWATCH /a|0|"]);
  });
});

test("stopping is no failure when the connection, or xenstored's watch, is gone", async () => {
  const answer: FakeAnswer = (request, peer) => {
    if (request.type === XS.UNWATCH) peer.refuse(request, "ENOENT");
    else peer.agree(request);
  };
  await withFake(answer, async (store) => {
    const stops = [await store.watch("/a", () => {}), await store.watch("/b", () => {})];
    await stops[0]?.();
    store.close();
    await stops[1]?.();
  });
});

test("a refused watch is never called", async () => {
  const answer: FakeAnswer = (request, peer) => {
    if (request.type === XS.WATCH) peer.refuse(request, "EINVAL");
    else watching(request, peer);
  };
  await withFake(answer, async (store) => {
    const changed = vi.fn();
    await expect(store.watch("/a", changed)).rejects.toThrow('xenstored refuses to watch "/a": EINVAL');
    await store.write("/fire", "/a=0");
    expect(changed).not.toHaveBeenCalled();
  });
});

test("what a callback throws is told, and harms nobody", async () => {
  const failed = vi.fn();
  await withFake(
    watching,
    async (store) => {
      const other = vi.fn();
      await store.watch("/a", () => {
        throw new Error("mine");
      });
      await store.watch("/b", other);
      await store.write("/b", "");
      expect(failed.mock.calls).toEqual([[new Error("mine")]]);
      expect(other).toHaveBeenCalledTimes(1);
    },
    { failed },
  );
});

test("a callback may close the store: nothing that lies behind the event is taken", async () => {
  let peer: FakePeer | undefined;
  await withFake(
    (request, from) => {
      peer = from;
      agree(request, from);
    },
    async (store) => {
      const changed = vi.fn(() => store.close());
      await store.watch("/a", changed);
      peer?.events("/a\x000\0", "/a\x000\0");
      expect(await store.closed).toBeUndefined();
      expect(changed).toHaveBeenCalledTimes(1);
    },
  );
});
