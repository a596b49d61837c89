import { XS } from "@pvh/abi";
import { expect, test } from "vitest";
import { textOfUtf8, utf8Text } from "./byte-text.ts";
import { agree, type FakeAnswer, shownRequests, withFake } from "./fake-xenstored.testing.ts";

test("each request has the payload that xenstored expects", async () => {
  await withFake(agree, async (store, requests) => {
    await Promise.all([
      store.write("/a/b", "v\0\u00ff"),
      store.write("/empty", ""),
      store.makeDirectory("/d"),
      store.remove("/a"),
      store.setPermissions("/a", [
        { domid: 0, access: "none" },
        { domid: 5, access: "read" },
        { domid: 6, access: "write" },
        { domid: 7, access: "both" },
      ]),
      store.introduce(5, 0xfeffc, 3),
      store.release(5),
      store.resume(6),
    ]);
    expect(shownRequests(requests)).toEqual([
      "WRITE /a/b|v|\u00ff",
      "WRITE /empty|",
      "MKDIR /d|",
      "RM /a|",
      "SET_PERMS /a|n0|r5|w6|b7|",
      "INTRODUCE 5|1044476|3|",
      "RELEASE 5|",
      "RESUME 6|",
    ]);
  });
});

test("values, lists, permissions and answers are read", async () => {
  const payloads = new Map<number, string>([
    [XS.READ, "v\0\u00ff"],
    [XS.DIRECTORY, "b\0a\0"],
    [XS.GET_PERMS, "n0\0r12\0w3\0b32751\0"],
    [XS.IS_DOMAIN_INTRODUCED, "T\0"],
  ]);
  await withFake(
    (request, peer) => peer.reply(request, payloads.get(request.type) ?? ""),
    async (store, requests) => {
      expect(await store.read("/a")).toBe("v\0\u00ff");
      expect(await store.list("/a")).toEqual(["b", "a"]);
      expect(await store.permissions("/a")).toEqual([
        { domid: 0, access: "none" },
        { domid: 12, access: "read" },
        { domid: 3, access: "write" },
        { domid: 32751, access: "both" },
      ]);
      expect(await store.isIntroduced(7)).toBe(true);
      payloads.set(XS.IS_DOMAIN_INTRODUCED, "F\0").set(XS.DIRECTORY, "");
      expect(await store.isIntroduced(7)).toBe(false);
      expect(await store.list("/a")).toEqual([]);
      expect(shownRequests(requests).at(-2)).toBe("IS_DOMAIN_INTRODUCED 7|");
    },
  );
});

test("what is absent is no failure for who reads or removes", async () => {
  await withFake(
    (request, peer) => peer.refuse(request, "ENOENT"),
    async (store) => {
      expect(await store.read("/a")).toBeUndefined();
      expect(await store.list("/a")).toEqual([]);
      expect(await store.permissions("/a")).toBeUndefined();
      await store.remove("/a");
      await expect(store.write("/a", "")).rejects.toThrow("ENOENT");
      await expect(store.setPermissions("/a", [])).rejects.toThrow("ENOENT");
      await expect(store.watch("/a", () => {})).rejects.toThrow("ENOENT");
    },
  );
});

test("a refusal names what was asked, the error and what to do, and ends nothing", async () => {
  let errno = "ENOSPC";
  await withFake(
    (request, peer) => peer.refuse(request, errno),
    async (store) => {
      await expect(store.write("/a\u001b", "")).rejects.toMatchObject({
        code: "XENSTORE",
        errno: "ENOSPC",
        details: { found: "ENOSPC" },
        message: 'xenstored refuses to write "/a\ufffd": ENOSPC, a quota of xenstored is used up: raise it.',
      });
      errno = "EACCES";
      await expect(store.introduce(5, 1, 1)).rejects.toThrow(
        "xenstored refuses to introduce domain 5: EACCES, so run this with domain 0's rights: as root, in domain 0.",
      );
      errno = "EUNHEARD";
      await expect(store.read("/a")).rejects.toThrow('xenstored refuses to read "/a": EUNHEARD.');
    },
  );
});

test("what xenstored would misunderstand, or end the connection for, is not sent", async () => {
  await withFake(agree, async (store, requests) => {
    await expect(store.write("/a\0b", "")).rejects.toThrow(
      'XenStore cannot be asked to write "/a\ufffdb": a path cannot have a NUL.',
    );
    await expect(store.remove(`/${"n".repeat(3072)}`)).rejects.toThrow("3072 bytes at most");
    await expect(store.write("/a", "v".repeat(4094))).rejects.toThrow(
      "path and value have 4097 bytes together, and 4096 is the most",
    );
    await expect(store.write("/a", "\u20ac")).rejects.toThrow("other text has to be made UTF-8 first");
    await expect(store.makeDirectory("/\u0100")).rejects.toThrow("UTF-8");
    expect(requests).toEqual([]);
    await store.write("/a", "v".repeat(4093));
    await store.remove(`/${"n".repeat(3071)}`);
    expect(requests.map(({ payload }) => payload.length)).toEqual([4096, 3073]);
  });
});

test("text goes through the store as UTF-8", async () => {
  expect(utf8Text("\u00e4\u20ac")).toBe("\u00c3\u00a4\u00e2\u0082\u00ac");
  expect(textOfUtf8(utf8Text("\u00e4\u20ac"))).toBe("\u00e4\u20ac");
});

/** Lists in parts of at most `size` names, like xenstored; `generation` may change between them. */
function parts(names: readonly string[], size: number, generation: () => number): FakeAnswer {
  return (request, peer) => {
    if (request.type === XS.DIRECTORY) return peer.refuse(request, "E2BIG");
    const offset = Number(request.payload.split("\0")[1]);
    const all = names.map((name) => `${name}\0`).join("");
    const part = all.slice(offset).split("\0", size).filter(Boolean);
    const text = part.map((name) => `${name}\0`).join("");
    const end = offset + text.length === all.length ? "\0" : "";
    peer.reply(request, `${generation()}\0${text}${end}`);
  };
}
const names = Array.from({ length: 10 }, (_, i) => `name-${i}`);

test("a long list comes in parts", async () => {
  for (const size of [3, 5, 10]) {
    await withFake(
      parts(names, size, () => 4),
      async (store) => expect(await store.list("/a")).toEqual(names),
    );
  }
});

test("a list that changes while it is read is begun again", async () => {
  const generations = [1, 1, 2, 2, 3];
  await withFake(
    parts(names, 4, () => generations.shift() ?? 3),
    async (store, requests) => {
      expect(await store.list("/a")).toEqual(names);
      const offsets = requests.slice(1).map(({ payload }) => payload.split("\0")[1]);
      expect(offsets).toEqual(["0", "28", "56", "0", "28", "0", "28", "56"]);
    },
  );
});

test("a list that changes for ever, or never ends, is given up", async () => {
  let generation = 0;
  await withFake(
    parts(names, 4, () => generation++),
    async (store) => {
      await expect(store.list("/a")).rejects.toThrow(
        "/a of XenStore cannot be listed: it has changed 100 times",
      );
    },
  );
  await withFake(
    (request, peer) => {
      if (request.type === XS.DIRECTORY) peer.refuse(request, "E2BIG");
      else peer.reply(request, `1\0${"n".repeat(4000)}\0`);
    },
    async (store) => {
      await expect(store.list("/a")).rejects.toThrow("it has more than 4194304 bytes of names");
    },
  );
});

test("a node that goes while it is listed has no children", async () => {
  await withFake(
    (request, peer) => peer.refuse(request, request.type === XS.DIRECTORY ? "E2BIG" : "ENOENT"),
    async (store) => expect(await store.list("/a")).toEqual([]),
  );
});

test.each(["", "1\0", "1\0name", "x\0name\0", "\0name\0"])("%j is no part of a list", async (payload) => {
  await withFake(
    (request, peer) => {
      if (request.type === XS.DIRECTORY) peer.refuse(request, "E2BIG");
      else peer.reply(request, payload);
    },
    async (store) => {
      const list = store.list("/a").catch((error: unknown) => error);
      expect((await store.closed)?.message).toMatch(/a malformed part of a list/);
      expect(await list).toMatchObject({ code: "XENSTORE" });
    },
  );
});
