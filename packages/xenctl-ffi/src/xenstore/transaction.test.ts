import { XS } from "@pvh/abi";
import { expect, test, vi } from "vitest";
import { type FakeAnswer, shownRequests, withFake } from "./fake-xenstored.testing.ts";
import type { StoreMessage } from "./message.ts";
import type { StoreChange } from "./recorder.ts";
import type { StoreView } from "./view.ts";

/** Counts transactions from 1; `conflicts` commits are refused, and so is every write to /refused. */
function transactions(conflicts = 0, errno = "EAGAIN"): FakeAnswer {
  let id = 0;
  return (request, peer) => {
    if (request.type === XS.TRANSACTION_START) return peer.reply(request, `${++id}\0`);
    if (request.type === XS.TRANSACTION_END && request.payload === "T\0" && conflicts-- > 0) {
      return peer.refuse(request, errno);
    }
    if (request.payload.startsWith("/refused")) return peer.refuse(request, "ENOSPC");
    peer.agree(request);
  };
}

test("a transaction's requests carry its id, and it is committed", async () => {
  await withFake(transactions(), async (store, requests) => {
    const result = await store.transaction(async (view) => {
      await view.write("/a", "1");
      await view.remove("/b");
      return "result";
    });
    expect(result).toBe("result");
    expect(shownRequests(requests)).toEqual([
      "TRANSACTION_START |",
      "1: WRITE /a|1",
      "1: RM /b|",
      "1: TRANSACTION_END T|",
    ]);
  });
});

test("a transaction that others disturb is made again, from the start", async () => {
  await withFake(transactions(2), async (store, requests) => {
    let runs = 0;
    const result = await store.transaction(async (view) => {
      await view.write("/a", `${++runs}`);
      return runs;
    });
    expect(result).toBe(3);
    expect(shownRequests(requests).filter((text) => text.includes("WRITE"))).toEqual([
      "1: WRITE /a|1",
      "2: WRITE /a|2",
      "3: WRITE /a|3",
    ]);
    expect(shownRequests(requests).filter((text) => text.includes("END F"))).toEqual([]);
  });
});

test("a transaction that others always disturb is given up", async () => {
  await withFake(transactions(1000), async (store, requests) => {
    await expect(store.transaction((view) => view.write("/a", ""))).rejects.toMatchObject({
      errno: "EAGAIN",
      message: expect.stringMatching(
        /^xenstored refuses to commit a transaction: EAGAIN, others have changed/,
      ),
    });
    expect(requests.filter(({ type }) => type === XS.TRANSACTION_START)).toHaveLength(50);
  });
});

test("a commit that is refused for another reason is not made again", async () => {
  await withFake(transactions(1, "EIO"), async (store, requests) => {
    await expect(store.transaction((view) => view.write("/a", ""))).rejects.toMatchObject({ errno: "EIO" });
    expect(requests).toHaveLength(3);
  });
});

test("what the work throws undoes the transaction", async () => {
  await withFake(transactions(), async (store, requests) => {
    const failure = new Error("mine");
    const work = async (view: StoreView) => {
      void view.write("/a", "");
      throw failure;
    };
    await expect(store.transaction(work)).rejects.toBe(failure);
    expect(shownRequests(requests).at(-1)).toBe("1: TRANSACTION_END F|");
    expect(requests.filter(({ payload }) => payload === "T\0")).toEqual([]);
  });
});

test("a refused change that nobody waits for undoes the transaction", async () => {
  await withFake(transactions(), async (store, requests) => {
    const work = async (view: StoreView) => {
      void view.write("/refused", "");
      // Long enough for a rejection that nobody hears to end the process.
      for (let i = 0; i < 3; i++) await view.read("/a");
    };
    await expect(store.transaction(work)).rejects.toMatchObject({ errno: "ENOSPC" });
    expect(shownRequests(requests)).toEqual([
      "TRANSACTION_START |",
      "1: WRITE /refused|",
      ...Array(3).fill("1: READ /a|"),
      "1: TRANSACTION_END F|",
    ]);
  });
});

test("a change that cannot be sent and nobody waits for undoes the transaction", async () => {
  await withFake(transactions(), async (store, requests) => {
    const work = (view: StoreView) => void view.write("/a\0", "");
    await expect(store.transaction(work)).rejects.toThrow("a path cannot have a NUL");
    expect(shownRequests(requests).at(-1)).toBe("1: TRANSACTION_END F|");
  });
});

test("a view is of no use after its transaction", async () => {
  await withFake(transactions(), async (store, requests) => {
    const view = await store.transaction((inside) => inside);
    await expect(view.write("/a", "")).rejects.toThrow("The transaction of XenStore is over.");
    expect(requests).toHaveLength(2);
  });
});

test("nothing is added to a transaction once its work has returned", async () => {
  const held: (() => void)[] = [];
  const answer: FakeAnswer = (request, peer) => {
    if (request.type === XS.WRITE) held.push(() => peer.agree(request));
    else peer.agree(request);
  };
  await withFake(answer, async (store) => {
    const views: StoreView[] = [];
    const over = store.transaction((view) => {
      views.push(view);
      void view.write("/a", "");
    });
    await vi.waitFor(() => expect(held).toHaveLength(1), { timeout: 20_000 });
    await expect(views[0]?.read("/b")).rejects.toThrow("is over");
    held[0]?.();
    await over;
  });
});

test("a connection that ends in a transaction is the failure that is told", async () => {
  const answer: FakeAnswer = (request, peer) => {
    if (request.type === XS.WRITE) peer.end();
    else peer.agree(request);
  };
  await withFake(answer, async (store) => {
    await expect(store.transaction((view) => view.write("/a", ""))).rejects.toThrow(
      'xenstored cannot write "/a": the connection has ended.',
    );
  });
});

const changes: StoreChange[] = Array.from({ length: 65 }, (_, i) => ({
  kind: "write",
  path: `/node/${i}`,
  value: `${i}`,
}));

test("all changes are sent before the first answer, and the commit after the last", async () => {
  const held: StoreMessage[] = [];
  const answer: FakeAnswer = (request, peer) => {
    if (request.type !== XS.WRITE) return peer.agree(request);
    held.push(request);
    // A client that waited for any of them would wait for ever.
    if (held.length === changes.length) for (const each of held) peer.agree(each);
  };
  await withFake(answer, async (store, requests) => {
    await store.apply(changes);
    expect(requests.map(({ payload }) => payload)).toEqual([
      "\0",
      ...changes.map(({ path }, i) => `${path}\0${i}`),
      "T\0",
    ]);
  });
});

test("a refused change leaves none of the others", async () => {
  await withFake(transactions(), async (store, requests) => {
    const refused: StoreChange = { kind: "write", path: "/refused", value: "" };
    await expect(store.apply([refused, ...changes])).rejects.toMatchObject({ errno: "ENOSPC" });
    expect(shownRequests(requests).at(-1)).toBe("1: TRANSACTION_END F|");
    // The next one is not stopped by it.
    await store.apply(changes.slice(0, 1));
    expect(shownRequests(requests).at(-1)).toBe("2: TRANSACTION_END T|");
  });
});

test("changes are applied again when others disturb them, one list after the other", async () => {
  await withFake(transactions(1), async (store, requests) => {
    const first: StoreChange[] = [
      { kind: "remove", path: "/a" },
      { kind: "permissions", path: "/b", permissions: [{ domid: 3, access: "both" }] },
    ];
    await Promise.all([store.apply(first), store.apply([{ kind: "remove", path: "/c" }]), store.apply([])]);
    expect(shownRequests(requests)).toEqual([
      "TRANSACTION_START |",
      "1: RM /a|",
      "1: SET_PERMS /b|b3|",
      "1: TRANSACTION_END T|",
      "TRANSACTION_START |",
      "2: RM /a|",
      "2: SET_PERMS /b|b3|",
      "2: TRANSACTION_END T|",
      "TRANSACTION_START |",
      "3: RM /c|",
      "3: TRANSACTION_END T|",
    ]);
  });
});
