import { XS } from "@pvh/abi";
import { describe, expect, test } from "vitest";
import { announceShutdown, introduceDomain, releaseDomain } from "./domain-life.ts";
import { storeWithHome, TestClient } from "./store.testing.ts";

/** What the real xenstored answers to much more is compared in e2e/suites/xenstore-reference.test.ts. */

function clients() {
  const store = storeWithHome();
  return {
    store,
    dom0: new TestClient(store, 0),
    one: new TestClient(store, 1),
    two: new TestClient(store, 2),
  };
}

describe("the tree", () => {
  test("nodes come with those above them, and go with those below", () => {
    const { dom0 } = clients();
    expect(dom0.ask(XS.WRITE, "/a/b/c\0value")).toBe("OK");
    expect(dom0.ask(XS.READ, "/a/b/c\0")).toBe("value");
    expect(dom0.ask(XS.READ, "/a/b\0")).toBe("");
    expect(dom0.ask(XS.RM, "/a\0")).toBe("OK");
    expect(dom0.ask(XS.READ, "/a/b/c\0")).toBe("ENOENT");
    expect(dom0.ask(XS.RM, "/a\0")).toBe("OK");
    expect(dom0.ask(XS.RM, "/a/b/c\0")).toBe("ENOENT");
    expect(dom0.ask(XS.RM, "/\0")).toBe("EINVAL");
  });

  test("names are listed in the order in which they came", () => {
    const { dom0 } = clients();
    for (const name of ["z", "a", "m"]) dom0.ask(XS.MKDIR, `/d/${name}\0`);
    dom0.ask(XS.RM, "/d/z\0");
    dom0.ask(XS.MKDIR, "/d/z\0");
    expect(dom0.ask(XS.DIRECTORY, "/d\0")).toBe("a\0m\0z\0");
    expect(dom0.ask(XS.DIRECTORY, "/d/a\0")).toBe("");
  });

  test("relative paths start at the domain's home", () => {
    const { dom0, one } = clients();
    one.ask(XS.WRITE, "data/x\0v");
    expect(dom0.ask(XS.READ, "/local/domain/1/data/x\0")).toBe("v");
    expect(one.ask(XS.READ, "data/x\0")).toBe("v");
    expect(one.ask(XS.GET_DOMAIN_PATH, "1\0")).toBe("/local/domain/1");
  });

  test("a list that is too long comes in parts", () => {
    const { dom0 } = clients();
    const names = Array.from({ length: 100 }, (_, i) => `${"n".repeat(60)}${i}`);
    for (const name of names) dom0.ask(XS.MKDIR, `/d/${name}\0`);
    expect(dom0.ask(XS.DIRECTORY, "/d\0")).toBe("E2BIG");
    let listed = "";
    for (let part = ""; !part.endsWith("\0\0"); listed += part) {
      const [generation = ""] = dom0.ask(XS.DIRECTORY_PART, `/d\0${listed.length}\0`).split("\0");
      part = dom0.ask(XS.DIRECTORY_PART, `/d\0${listed.length}\0`).slice(generation.length + 1);
    }
    expect(listed.split("\0").slice(0, -2)).toEqual(names);
  });
});

describe("permissions", () => {
  // Columns: read, write, change permissions, create below.
  const all = "OK OK OK OK";
  const none = "EACCES EACCES EACCES EACCES";
  test.for([
    [["n0"], 1, none],
    [["r0"], 1, "OK EACCES EACCES EACCES"],
    [["w0"], 1, "EACCES OK EACCES OK"],
    [["b0"], 1, "OK OK EACCES OK"],
    [["n1"], 1, all],
    [["n1"], 2, none],
    [["b1", "n2"], 2, none],
    [["b1", "n2"], 3, "OK OK EACCES OK"],
    [["n0", "r1"], 1, "OK EACCES EACCES EACCES"],
    [["n0", "w1", "b1"], 1, "EACCES OK EACCES OK"],
    [["n0", "b1"], 2, none],
    [["n3", "b1"], 0, all],
  ] as const)("%j for domain %s", ([set, domid, expected]) => {
    const store = storeWithHome();
    const dom0 = new TestClient(store, 0);
    dom0.ask(XS.WRITE, "/p\0");
    dom0.ask(XS.SET_PERMS, `/p\0${set.join("\0")}\0`);
    const client = domid === 0 ? dom0 : new TestClient(store, domid);
    const answers = [
      client.ask(XS.READ, "/p\0") || "OK",
      client.ask(XS.WRITE, "/p\0"),
      client.ask(XS.SET_PERMS, `/p\0${set.join("\0")}\0`),
      client.ask(XS.WRITE, "/p/below\0"),
    ];
    expect(answers.join(" ")).toBe(expected);
  });

  test("what a guest creates is its own; the rest of the list is inherited", () => {
    const { dom0, one } = clients();
    dom0.ask(XS.WRITE, "/p\0");
    dom0.ask(XS.SET_PERMS, "/p\0r0\0b1\0w2\0");
    one.ask(XS.WRITE, "/p/x/y\0");
    dom0.ask(XS.WRITE, "/p/z\0");
    expect(dom0.ask(XS.GET_PERMS, "/p/x/y\0")).toBe("r1\0b1\0w2\0");
    expect(dom0.ask(XS.GET_PERMS, "/p/z\0")).toBe("r0\0b1\0w2\0");
  });

  test("a guest cannot give a node away, and nobody to a domain that does not exist", () => {
    const { dom0, one } = clients();
    one.ask(XS.WRITE, "x\0");
    expect(one.ask(XS.SET_PERMS, "x\0n2\0")).toBe("EPERM");
    expect(dom0.ask(XS.SET_PERMS, "/local/domain/1/x\0n2\0")).toBe("OK");
    expect(dom0.ask(XS.SET_PERMS, "/local/domain/1/x\0n99\0")).toBe("ENOENT");
    expect(dom0.ask(XS.SET_PERMS, "/local/domain/1/x\0x2\0")).toBe("EINVAL");
  });

  test("whether a node exists is not told to who may not see the one above", () => {
    const { dom0, one } = clients();
    dom0.ask(XS.WRITE, "/secret/there\0");
    for (const path of ["/secret/there", "/secret/absent", "/secret/there/below"]) {
      expect(one.ask(XS.READ, `${path}\0`)).toBe("EACCES");
      expect(one.ask(XS.RM, `${path}\0`)).toBe("EACCES");
    }
    dom0.ask(XS.SET_PERMS, "/secret\0r0\0");
    expect(one.ask(XS.READ, "/secret/absent\0")).toBe("ENOENT");
  });
});

describe("watches", () => {
  test("fire at once, for the node and below, and with relative paths", () => {
    const { dom0, one } = clients();
    expect(one.ask(XS.WATCH, "data\0t\0")).toBe("OK");
    expect(one.ask(XS.WATCH, "/local/domain/1/data\0u\0")).toBe("OK");
    expect(one.events()).toEqual(["data t", "/local/domain/1/data u"]);
    dom0.ask(XS.WRITE, "/local/domain/1/data/x\0v");
    expect(one.events()).toEqual(["data/x t", "/local/domain/1/data/x u"]);
    dom0.ask(XS.WRITE, "/local/domain/1/database\0v");
    expect(one.events()).toEqual([]);
    expect(one.ask(XS.WATCH, "/local/domain/1/data\0t\0")).toBe("EEXIST");
    expect(one.ask(XS.UNWATCH, "data\0t\0")).toBe("OK");
    expect(one.ask(XS.UNWATCH, "data\0t\0")).toBe("ENOENT");
    one.ask(XS.RESET_WATCHES, "\0");
    one.ask(XS.RM, "data\0");
    expect(one.events()).toEqual([]);
  });

  test("the first event follows the reply; an event that a request causes for its own client comes before", () => {
    const { one } = clients();
    one.ask(XS.WRITE, "x\0");
    const types = () => one.messages.splice(0).map(({ type }) => type);
    const raw = (type: number, payload: string) => {
      const before = one.connection;
      before.receive(Uint8Array.from([type, 0, 0, 0, ...new Array(8).fill(0), payload.length, 0, 0, 0]));
      before.receive(new TextEncoder().encode(payload));
    };
    raw(XS.WATCH, "x\0t\0");
    expect(types()).toEqual([XS.WATCH, XS.WATCH_EVENT]);
    raw(XS.WRITE, "x\0v");
    expect(types()).toEqual([XS.WATCH_EVENT, XS.WRITE]);
  });

  test("a removal tells watches below of their own node", () => {
    const { one } = clients();
    one.ask(XS.WRITE, "a/b/c\0");
    for (const path of ["a/b/c", "a/b", "a", "a/absent"]) one.ask(XS.WATCH, `${path}\0${path}\0`);
    one.events();
    one.ask(XS.RM, "a\0");
    expect(one.events()).toEqual(["a/b/c a/b/c", "a/b a/b", "a a"]);
  });

  test("a depth bounds how far below changes count", () => {
    const { one } = clients();
    one.ask(XS.WATCH, "a\0t\x001\0");
    one.events();
    one.ask(XS.WRITE, "a\0v");
    one.ask(XS.WRITE, "a/b\0v");
    one.ask(XS.WRITE, "a/b/c\0v");
    expect(one.events()).toEqual(["a t", "a/b t"]);
    expect(one.ask(XS.WATCH, "a\0u\0-1\0")).toBe("EINVAL");
  });

  test("only who may see a node hears of it, and who loses it hears that", () => {
    const { dom0, one, two } = clients();
    for (const client of [one, two]) {
      client.ask(XS.WATCH, "/p\0t\0");
      client.events();
    }
    dom0.ask(XS.WRITE, "/p\0");
    dom0.ask(XS.SET_PERMS, "/p\0n0\0r1\0");
    dom0.ask(XS.WRITE, "/p/x\0");
    dom0.ask(XS.SET_PERMS, "/p\0n0\0");
    dom0.ask(XS.WRITE, "/p/x\0");
    // The node below still has the list that it inherited.
    expect(one.events()).toEqual(["/p t", "/p/x t", "/p t", "/p/x t"]);
    expect(two.events()).toEqual([]);
  });

  test("domains coming and going are told to domain 0", () => {
    const { store, dom0, one } = clients();
    for (const client of [dom0, one]) {
      for (const event of ["@introduceDomain", "@releaseDomain"]) client.ask(XS.WATCH, `${event}\0t\0`);
      client.events();
    }
    introduceDomain(store, 2);
    introduceDomain(store, 2);
    announceShutdown(store);
    releaseDomain(store, 2);
    expect(dom0.events()).toEqual(["@introduceDomain t", "@releaseDomain t", "@releaseDomain t"]);
    expect(one.events()).toEqual([]);
    expect(dom0.ask(XS.IS_DOMAIN_INTRODUCED, "2\0")).toBe("F");
  });
});

test("what a domain owned goes with it, and the next one with its id inherits nothing", () => {
  const { store, dom0, one } = clients();
  dom0.ask(XS.WRITE, "/shared\0");
  dom0.ask(XS.SET_PERMS, "/shared\0n0\0b1\0");
  one.ask(XS.WRITE, "/shared/own/x\0");
  one.connection.close();
  releaseDomain(store, 1);
  expect(dom0.ask(XS.DIRECTORY, "/shared\0")).toBe("");
  expect(dom0.ask(XS.READ, "/local/domain/1\0")).toBe("ENOENT");
  const next = new TestClient(store, 1);
  expect(store.domains.find(1)).toMatchObject({ nodes: 0, memory: 0, watches: 0 });
  expect(next.ask(XS.READ, "/shared\0")).toBe("EACCES");
  dom0.ask(XS.SET_PERMS, "/shared\0n0\0b1\0");
  expect(next.ask(XS.READ, "/shared\0")).toBe("");
});
