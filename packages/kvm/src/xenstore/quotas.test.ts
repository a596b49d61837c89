import { XS } from "@pvh/abi";
import { expect, test } from "vitest";
import { storeWithHome, TestClient } from "./store.testing.ts";

function clients(quotas: Parameters<typeof storeWithHome>[0] = {}) {
  const store = storeWithHome(quotas);
  return { store, dom0: new TestClient(store, 0), one: new TestClient(store, 1) };
}

test("a guest owns no more nodes than its quota, also through transactions; domain 0 does", () => {
  const { store, dom0, one } = clients({ nodes: 5 });
  expect(one.ask(XS.WRITE, "a/b/c\0")).toBe("OK");
  // The first of these has room, the last has not: none stays.
  expect(one.ask(XS.WRITE, "d/e\0")).toBe("ENOSPC");
  expect(one.ask(XS.DIRECTORY, "/local/domain/1\0")).toBe("a");
  expect(store.domains.find(1)?.nodes).toBe(4);
  const transaction = one.start();
  expect(one.ask(XS.WRITE, "d\0", transaction)).toBe("OK");
  expect(one.end(transaction)).toBe("ENOSPC");
  expect(one.ask(XS.WRITE, "d\0")).toBe("OK");
  expect(one.ask(XS.WRITE, "e\0")).toBe("ENOSPC");
  expect(dom0.ask(XS.WRITE, "/local/domain/1/by-domain-0\0")).toBe("OK");
  one.ask(XS.RM, "a\0");
  expect(one.ask(XS.WRITE, "e\0")).toBe("OK");
});

test("a node with its permissions and the names below has a size", () => {
  const { dom0, one } = clients();
  // 24 bytes, and 8 for its one permission.
  expect(one.ask(XS.WRITE, `a\0${"v".repeat(2015)}`)).toBe("OK");
  expect(one.ask(XS.WRITE, `a\0${"v".repeat(2016)}`)).toBe("ENOSPC");
  expect(one.ask(XS.WRITE, "a/b\0")).toBe("ENOSPC");
  expect(one.ask(XS.DIRECTORY, "a\0")).toBe("");
  expect(dom0.ask(XS.WRITE, `/local/domain/1/a\0${"v".repeat(3000)}`)).toBe("OK");
});

test("watches, transactions, permissions and nodes of a transaction are bounded", () => {
  const { one } = clients({ transactionNodes: 20 });
  const watch = (i: number) => one.ask(XS.WATCH, `w${i}\0t\0`);
  expect(Array.from({ length: 129 }, (_, i) => watch(i)).every((answer) => answer === "OK")).toBe(true);
  expect(watch(129)).toBe("E2BIG");
  one.ask(XS.UNWATCH, "w5\0t\0");
  expect(watch(129)).toBe("OK");
  const ids = Array.from({ length: 12 }, () => one.ask(XS.TRANSACTION_START, "\0"));
  expect(ids).toEqual(["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "ENOSPC"]);
  one.ask(XS.WRITE, "p\0");
  expect(one.ask(XS.SET_PERMS, "p\0n1\0r0\0r2\0r3\0r0\0")).toBe("OK");
  expect(one.ask(XS.SET_PERMS, "p\0n1\0r0\0r2\0r3\0r0\0r0\0")).toBe("ENOSPC");
  const answers = Array.from({ length: 30 }, (_, i) => one.ask(XS.READ, `absent-${i}\0`, 1));
  expect(answers.filter((answer) => answer === "ENOENT").length).toBe(19);
  expect(answers.at(-1)).toBe("ENOSPC");
  expect(one.end(1)).toBe("ENOMEM");
});

test("nodes, transactions and watches count for one bound of memory, and give it back", () => {
  const { store, one } = clients({ memory: 20_000 });
  const before = store.domains.find(1)?.memory;
  const write = (i: number, transaction = 0) => one.ask(XS.WRITE, `n${i}\0${"v".repeat(1900)}`, transaction);
  const answers = Array.from({ length: 20 }, (_, i) => write(i));
  expect(new Set(answers)).toEqual(new Set(["OK", "EIO"]));
  expect(store.domains.find(1)?.memory).toBeLessThan(20_000);
  expect(one.ask(XS.WATCH, `${"w".repeat(1500)}\0t\0`)).toBe("ENOMEM");
  for (let i = 0; i < 20; i++) one.ask(XS.RM, `n${i}\0`);
  expect(store.domains.find(1)?.memory).toBe(before);
  for (let i = 0; i < 5; i++) write(i);
  for (let open = 0; open < 11; open++) {
    const transaction = one.start();
    for (let i = 0; i < 5; i++) one.ask(XS.READ, `n${i}\0`, transaction);
  }
  expect(store.domains.find(1)?.memory).toBeLessThan(20_000);
  one.ask(XS.RESET_WATCHES, "\0");
  for (let i = 0; i < 5; i++) one.ask(XS.RM, `n${i}\0`);
  expect(store.domains.find(1)?.memory).toBe(before);
});
