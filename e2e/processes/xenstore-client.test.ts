import { join } from "node:path";
import { XS } from "@pvh/abi";
import {
  encodeMessage,
  type GuestNodes,
  LocalClient,
  populateGuest,
  Store,
  StoreConnection,
} from "@pvh/kvm/xenstore";
import {
  connectStore,
  record,
  type StoreChange,
  type StoreTransport,
  type TransportListener,
  textOfUtf8,
  utf8Text,
  XenStore,
} from "@pvh/xenctl-ffi";
import { describe, expect, test, vi } from "vitest";
import { withFolder } from "../support/programs.ts";
import { requireOrSkip } from "../support/require-or-skip.ts";
import { waitFor } from "../support/wait-for.ts";
import { noXenstored, type StoreServer, startRealXenstored } from "../support/xenstored/store-servers.ts";

/** pvhd's client of a host's store, against Xen's own C xenstored. */

function withXenstored(work: (store: XenStore, server: StoreServer) => Promise<void>): Promise<void> {
  return withFolder("pvh-xenstore-client", async (folder) => {
    const server = await startRealXenstored(folder);
    try {
      const store = await connectStore(join(folder, "socket"));
      try {
        await work(store, server);
      } finally {
        store.close();
      }
    } finally {
      await server.stop();
    }
  });
}

/** Every node below as `path = value (permissions)`, like xenstore-ls -fp. */
async function dump(store: XenStore, path: string): Promise<string[]> {
  const [value, permissions, names] = await Promise.all([
    store.read(path),
    store.permissions(path),
    store.list(path),
  ]);
  const rights = permissions?.map(({ domid, access }) => `${access} ${domid}`).join(", ");
  const below = await Promise.all(names.sort().map((name) => dump(store, `${path}/${name}`)));
  return [`${path} = ${value} (${rights})`, ...below.flat()];
}

/** The store of `@pvh/kvm`, in this thread. */
class OwnStoreTransport implements StoreTransport {
  readonly #store: Store;
  #connection: StoreConnection | undefined;

  constructor(store: Store) {
    this.#store = store;
  }
  open(listener: TransportListener): void {
    this.#connection = new StoreConnection(this.#store, 0, (message) =>
      setImmediate(() => listener.received(encodeMessage(message))),
    );
  }
  send(message: Uint8Array): void {
    this.#connection?.receive(message);
  }
  close(): void {
    this.#connection?.close();
  }
}

const guest: GuestNodes = {
  domid: 3,
  name: "G\u00e4stin",
  uuid: "01234567-89ab-cdef-0123-456789abcdef",
  memoryKiB: 262144,
  maxMemoryKiB: 524288,
  vcpus: 1,
  maxVcpus: 2,
  store: { gfn: 0xfeff8, port: 1 },
  console: { gfn: 0xfefff, port: 2 },
  startTime: 1_700_000_000_120,
};

describe.skipIf(requireOrSkip("the client against xenstored", noXenstored()))(
  "the client of xenstored",
  () => {
    test("nodes", () =>
      withXenstored(async (store, server) => {
        await store.write("/a/b/c", "\0binary\u00ff\0");
        await store.write("/a/name", utf8Text("\u00e4\u20ac"));
        await store.makeDirectory("/a/empty");
        expect(await store.read("/a/b/c")).toBe("\0binary\u00ff\0");
        expect(textOfUtf8((await store.read("/a/name")) ?? "")).toBe("\u00e4\u20ac");
        expect(await store.read("/a/empty")).toBe("");
        expect(await store.read("/absent/below")).toBeUndefined();
        expect((await store.list("/a")).sort()).toEqual(["b", "empty", "name"]);
        expect(await store.list("/absent")).toEqual([]);
        await store.setPermissions("/a/b", [
          { domid: 1, access: "none" },
          { domid: 2, access: "both" },
          { domid: 0, access: "write" },
          { domid: 3, access: "read" },
        ]);
        expect(await store.permissions("/a/b")).toEqual([
          { domid: 1, access: "none" },
          { domid: 2, access: "both" },
          { domid: 0, access: "write" },
          { domid: 3, access: "read" },
        ]);
        expect(await store.permissions("/absent")).toBeUndefined();
        await store.remove("/a/b");
        await store.remove("/a/b");
        await store.remove("/absent/below");
        const other = await server.connect(0);
        expect((await other.request(XS.READ, "/a/name\0"))?.payload).toBe("\u00c3\u00a4\u00e2\u0082\u00ac");
        expect((await other.request(XS.READ, "/a/b/c\0"))?.payload).toBe("ENOENT\0");
        other.close();
      }));

    test("refusals, and the longest of everything", () =>
      withXenstored(async (store) => {
        await expect(store.write("/dot.ted", "")).rejects.toMatchObject({
          code: "XENSTORE",
          errno: "EINVAL",
        });
        await expect(store.write(`/${"n".repeat(2100)}`, "")).rejects.toMatchObject({ errno: "EINVAL" });
        await expect(store.introduce(1, 1, 0)).rejects.toThrow(
          "xenstored refuses to introduce domain 1: EINVAL, the domain must exist",
        );
        const value = "v".repeat(4096 - "/a\0".length);
        await store.write("/a", value);
        expect(await store.read("/a")).toBe(value);
        await store.write(`/${"n".repeat(2047)}`, "long");
        expect(await store.list("/")).toContain("n".repeat(2047));
      }));

    test("a list that is too long for one message", () =>
      withXenstored(async (store) => {
        const names = Array.from({ length: 200 }, (_, i) => `${"n".repeat(60)}-${1000 + i}`);
        await Promise.all(names.map((name) => store.makeDirectory(`/long/${name}`)));
        expect((await store.list("/long")).sort()).toEqual(names);
        expect(await store.transaction((view) => view.list("/long"))).toHaveLength(200);
      }));

    test("thousands of requests on their way", () =>
      withXenstored(async (store) => {
        const paths = Array.from({ length: 3000 }, (_, i) => `/many/${i % 50}/${i}`);
        const value = "v".repeat(1000);
        await Promise.all(paths.map((path, i) => store.write(path, `${i} ${value}`)));
        const values = await Promise.all(paths.map((path) => store.read(path)));
        expect(values).toEqual(paths.map((_, i) => `${i} ${value}`));
      }));

    test("transactions are all or nothing, and are made again when others disturb them", () =>
      withXenstored(async (store, server) => {
        await store.write("/count", "1");
        const other = await server.connect(0);
        let runs = 0;
        const result = await store.transaction(async (view) => {
          const count = Number(await view.read("/count"));
          if (++runs < 3) await other.request(XS.WRITE, `/count\0${count + 10}`);
          await view.write("/count", `${count + 1}`);
          expect(await store.read("/count")).toBe(`${count + (runs < 3 ? 10 : 0)}`);
          return count;
        });
        expect({ runs, result }).toEqual({ runs: 3, result: 21 });
        expect(await store.read("/count")).toBe("22");

        const abandoned = store.transaction(async (view) => {
          await view.write("/count", "lost");
          throw new Error("mine");
        });
        await expect(abandoned).rejects.toThrow("mine");
        const refused: StoreChange[] = [
          { kind: "write", path: "/count", value: "lost" },
          { kind: "write", path: "/dot.ted", value: "" },
          { kind: "write", path: "/count/below", value: "lost" },
        ];
        await expect(store.apply(refused)).rejects.toMatchObject({ errno: "EINVAL" });
        expect(await store.read("/count")).toBe("22");
        expect(await store.list("/count")).toEqual([]);
        other.close();
      }));

    test("changes of many at once, below one node", () =>
      withXenstored(async (store) => {
        const lists = Array.from({ length: 100 }, (_, domain): StoreChange[] =>
          Array.from({ length: 20 }, (_, i) => ({ kind: "write", path: `/all/${domain}/${i}`, value: "v" })),
        );
        await Promise.all(lists.map((changes) => store.apply(changes)));
        expect(await store.list("/all")).toHaveLength(100);
      }));

    test("a guest's nodes, recorded, are those that the VMM's own store has", () =>
      withXenstored(async (store) => {
        const transactions = record((client) => populateGuest(client, guest));
        expect(transactions).toHaveLength(3);
        for (const changes of transactions) await store.apply(changes);

        const ownStore = new Store();
        ownStore.domains.add(guest.domid, ownStore.generation);
        populateGuest(new LocalClient(ownStore), guest);
        const own = new XenStore(new OwnStoreTransport(ownStore));
        for (const path of [`/local/domain/${guest.domid}`, "/local/domain/0/backend", "/vm", "/libxl"]) {
          const nodes = await dump(store, path);
          expect(nodes.length).toBeGreaterThan(3);
          expect(nodes).toEqual(await dump(own, path));
        }
        own.close();
      }));

    test("watches fire at first, for changes below, and for a transaction when it is committed", () =>
      withXenstored(async (store) => {
        const [a, below, special] = [vi.fn(), vi.fn(), vi.fn()];
        const stop = await store.watch("/a", a);
        await Promise.all([store.watch("/a/below", below), store.watch("@introduceDomain", special)]);
        await store.read("/barrier");
        expect([a, below, special].map(({ mock }) => mock.calls)).toEqual([
          [["/a"]],
          [["/a/below"]],
          [["@introduceDomain"]],
        ]);
        await store.transaction(async (view) => {
          await view.write("/a/below/node", "1");
          await store.read("/barrier");
          expect(a).toHaveBeenCalledTimes(1);
        });
        await waitFor(() => expect(below).toHaveBeenLastCalledWith("/a/below/node"));
        expect(a).toHaveBeenLastCalledWith("/a/below/node");
        const heard = a.mock.calls.length;
        await stop();
        await stop();
        await store.write("/a/below", "2");
        await store.read("/barrier");
        expect(below).toHaveBeenLastCalledWith("/a/below");
        expect(a).toHaveBeenCalledTimes(heard);
        await store.introduce(1, 1, 1);
        await waitFor(() => expect(special.mock.calls.length).toBeGreaterThan(1));
      }));

    test("domains are introduced and released", () =>
      withXenstored(async (store) => {
        expect(await store.isIntroduced(1)).toBe(false);
        await store.introduce(1, 0xfeffc, 1);
        expect(await store.isIntroduced(1)).toBe(true);
        await store.resume(1);
        await store.release(1);
        expect(await store.isIntroduced(1)).toBe(false);
        await expect(store.release(1)).rejects.toThrow("xenstored refuses to release domain 1: ENOENT");
        await expect(store.resume(1)).rejects.toThrow("xenstored refuses to resume domain 1: ENOENT");
      }));

    test("a xenstored that dies ends the connection and what waits for it", () =>
      withXenstored(async (store, server) => {
        await store.read("/");
        const stopped = server.stop();
        const calls = Array.from({ length: 50 }, (_, i) => store.write(`/node/${i}`, "").catch(String));
        await stopped;
        expect(await store.closed).toMatchObject({ code: "XENSTORE" });
        await Promise.all(calls);
        await expect(store.read("/")).rejects.toThrow("the connection has ended");
      }));
  },
);
