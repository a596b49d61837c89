import { XS, xsdSockmsg } from "@pvh/abi";
import { expect, test } from "vitest";
import { type FakeAnswer, withFake } from "./fake-xenstored.testing.ts";
import type { StoreMessage } from "./message.ts";
import type { XenStore } from "./xenstore.ts";

test("replies find their requests in any order", async () => {
  const held: StoreMessage[] = [];
  const answer: FakeAnswer = (request, peer) => {
    held.push(request);
    if (held.length < 3) return;
    for (const { payload, ...rest } of held.reverse())
      peer.reply({ payload, ...rest }, `value of ${payload}`);
  };
  await withFake(answer, async (store, requests) => {
    const values = await Promise.all(["/a", "/b", "/c"].map((path) => store.read(path)));
    expect(values).toEqual(["value of /a\0", "value of /b\0", "value of /c\0"]);
    expect(new Set(requests.map(({ requestId }) => requestId)).size).toBe(3);
    expect(requests.map(({ requestId }) => requestId)).not.toContain(0);
  });
});

const tooLong = xsdSockmsg.encode({ type: XS.READ, req_id: 1, len: 4097 });
const huge = xsdSockmsg.encode({ type: XS.READ, req_id: 1, len: 0xffffffff });
const hostile: Record<string, { answer: FakeAnswer; says: RegExp }> = {
  "a payload that is too long": {
    answer: (_request, peer) => peer.raw(tooLong),
    says: /a message of 4097 bytes/,
  },
  "a payload of 4 GiB": { answer: (_request, peer) => peer.raw(huge), says: /a message of 4294967295 bytes/ },
  "a reply to no request": {
    answer: (request, peer) => peer.reply(request, "x", { requestId: 99 }),
    says: /a reply to request 99, which nobody has made/,
  },
  "two replies to one request": {
    answer: (request, peer) => {
      if (request.requestId !== 1) return;
      peer.reply(request, "x");
      peer.reply(request, "x");
    },
    says: /a reply to request 1, which/,
  },
  "a reply of another type": {
    answer: (request, peer) => peer.reply(request, "OK\0", { type: XS.WRITE }),
    says: /type 11 in reply to type 2/,
  },
  "an error without a name": {
    answer: (request, peer) => peer.reply(request, "\u001b[2J\0", { type: XS.ERROR }),
    says: /it sent "\ufffd\[2J\ufffd" as an error's name/,
  },
  "an event without a token": {
    answer: (_request, peer) => peer.events("/path\0"),
    says: /a malformed watch event/,
  },
  "an event with more strings": {
    answer: (_request, peer) => peer.events("/path\x000\0more\0"),
    says: /a malformed watch event/,
  },
  "an event that does not end": {
    answer: (_request, peer) => peer.events("/path\x000"),
    says: /a list that does not end/,
  },
};

test.each(Object.keys(hostile))("%s ends the connection for all calls", async (name) => {
  const { answer = () => {}, says = /^$/ } = hostile[name] ?? {};
  await withFake(answer, async (store) => {
    const calls = ["/a", "/b"].map((path) => store.read(path).catch((error: unknown) => error));
    const cause = await store.closed;
    expect(cause).toMatchObject({ code: "XENSTORE", message: expect.stringMatching(says) });
    for (const error of (await Promise.all(calls)).filter((result) => result !== "x")) {
      expect(error).toMatchObject({ code: "XENSTORE", cause });
    }
    await expect(store.read("/later")).rejects.toMatchObject({
      message: 'xenstored cannot read "/later": the connection has ended.',
      cause,
    });
  });
});

const defective: Record<
  string,
  [call: (store: XenStore) => Promise<unknown>, payload: string, what: string]
> = {
  "a write that is not OK": [(store) => store.write("/a", ""), "KO\0", "in the place of OK"],
  "a list that does not end": [(store) => store.list("/a"), "a\0b", "a list that does not end"],
  "permissions without a letter": [(store) => store.permissions("/a"), "0\0", '"0" as a permission'],
  "permissions of no domain": [(store) => store.permissions("/a"), "n\0", '"n" as a permission'],
  "an unclear answer": [(store) => store.isIntroduced(1), "t\0", "in the place of T or F"],
  "transaction 0": [(store) => store.transaction(() => 1), "0\0", "as a transaction's id"],
  "a transaction that is no number": [
    (store) => store.transaction(() => 1),
    "0x7\0",
    "as a transaction's id",
  ],
  "a transaction that is too large": [
    (store) => store.transaction(() => 1),
    "4294967296\0",
    "as a transaction's id",
  ],
};

test.each(Object.keys(defective))("%s ends the connection", async (name) => {
  const [call, payload = "", what = "nothing"] = defective[name] ?? [];
  await withFake(
    (request, peer) => peer.reply(request, payload),
    async (store) => {
      const result = call?.(store).catch((error: unknown) => error);
      const cause = await store.closed;
      expect(cause?.message).toMatch(/^Whoever serves XenStore does not keep to its protocol: it sent /);
      expect(cause?.message).toContain(what);
      expect(await result).toMatchObject({ cause });
    },
  );
});

test("calls end with the connection when xenstored goes", async () => {
  await withFake(
    (_request, peer) => peer.end(),
    async (store) => {
      await expect(store.write("/a", "")).rejects.toThrow(
        'xenstored cannot write "/a": the connection has ended.',
      );
      expect(await store.closed).toMatchObject({
        message: expect.stringMatching(/look whether it still runs/),
      });
    },
  );
});

test("closing rejects what is not answered, and is no failure", async () => {
  await withFake(
    () => {},
    async (store) => {
      const call = store.read("/a");
      store.close();
      store.close();
      await expect(call).rejects.toThrow('xenstored cannot read "/a": the connection was closed here.');
      expect(await store.closed).toBeUndefined();
      await expect(store.watch("/a", () => {})).rejects.toThrow("closed here");
    },
  );
});
