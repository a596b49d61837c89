import { XS } from "@pvh/abi";
import { expect, test, vi } from "vitest";
import { LocalClient } from "./local-client.ts";
import { storeWithHome, TestClient } from "./store.testing.ts";
import { StoreError } from "./store-error.ts";

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

test("reads, writes, lists and removes with the rights of domain 0", () => {
  const store = storeWithHome();
  const client = new LocalClient(store);
  expect(client.read("/a/b")).toBeUndefined();
  expect(client.list("/a")).toEqual([]);
  client.remove("/a/b");
  client.write("/a/b", "\u00ff");
  expect(client.read("/a/b")).toBe("\u00ff");
  expect(client.list("/a")).toEqual(["b"]);
  client.setPermissions("/a", [
    { domid: 1, access: "none" },
    { domid: 2, access: "both" },
    { domid: 3, access: "write" },
  ]);
  expect(new TestClient(store, 1).ask(XS.GET_PERMS, "/a\0")).toBe("n1\0b2\0w3\0");
  client.remove("/a");
  expect(client.read("/a")).toBeUndefined();
  // A guest can make names so long that nothing fits below.
  const long = `/local/domain/1/${"n".repeat(2048)}`;
  client.write(long, "");
  expect(client.read(`${long}/state`)).toBeUndefined();
  expect(client.list(`${long}/queue-0`)).toEqual([]);
  expect(() => client.write("/bad path", "")).toThrow(StoreError);
});

test("watches are told later, once for what has not been told, and until they are stopped", async () => {
  const client = new LocalClient(storeWithHome());
  const changed = vi.fn();
  const stop = client.watch("/a", changed);
  client.write("/a/b", "1");
  client.write("/a/b", "2");
  client.write("/c", "3");
  expect(changed).not.toHaveBeenCalled();
  await nextTurn();
  expect(changed.mock.calls).toEqual([["/a"], ["/a/b"]]);
  client.write("/a/b", "4");
  stop();
  stop();
  client.write("/a/b", "5");
  await nextTurn();
  expect(changed).toHaveBeenCalledTimes(2);
});

test("a callback that throws or writes disturbs no other", async () => {
  const failed = vi.fn();
  const client = new LocalClient(storeWithHome(), { failed });
  const seen: string[] = [];
  client.watch("/a", () => {
    throw new Error("broken");
  });
  let inside = false;
  client.watch("/a", (path) => {
    inside = true;
    seen.push(path);
    if (path === "/a/b") client.write("/a/c", "");
    inside = false;
  });
  client.watch("/a/c", (path) => {
    expect(inside).toBe(false);
    seen.push(`c: ${path}`);
  });
  client.write("/a/b", "");
  await nextTurn();
  await nextTurn();
  expect(seen).toEqual(["/a", "c: /a/c", "/a/b", "/a/c", "c: /a/c"]);
  expect(failed).toHaveBeenCalledTimes(3);
});

test("a transaction is seen as a whole or not at all", async () => {
  const client = new LocalClient(storeWithHome());
  const changed = vi.fn();
  client.watch("/a", changed);
  await nextTurn();
  const result = client.transaction((inner) => {
    inner.write("/a/b", "1");
    inner.transaction((nested) => nested.write("/a/c", "2"));
    expect(client.read("/a/b")).toBeUndefined();
    return inner.read("/a/b");
  });
  expect(result).toBe("1");
  await nextTurn();
  expect(changed.mock.calls.slice(1)).toEqual([["/a/b"], ["/a/c"]]);
  const broken = () =>
    client.transaction((inner) => {
      inner.write("/a/b", "lost");
      throw new Error("undo");
    });
  expect(broken).toThrow("undo");
  expect(client.read("/a/b")).toBe("1");
  const around = () =>
    client.transaction((inner) => {
      inner.read("/a/b");
      client.write("/a/b", "3");
    });
  expect(around).toThrow("EAGAIN");
});

test("hears nothing after it is closed", async () => {
  const store = storeWithHome();
  const client = new LocalClient(store);
  const changed = vi.fn();
  client.watch("/a", changed);
  client.close();
  new TestClient(store, 0).ask(XS.WRITE, "/a\0");
  await nextTurn();
  expect(changed).not.toHaveBeenCalled();
});
