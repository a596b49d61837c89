import { XS } from "@pvh/abi";
import { describe, expect, test } from "vitest";
import { storeWithHome, TestClient } from "./store.testing.ts";

function clients() {
  const store = storeWithHome();
  const [dom0, one] = [new TestClient(store, 0), new TestClient(store, 1)];
  for (const node of ["a", "b"]) one.ask(XS.WRITE, `${node}\0${node}`);
  return { store, dom0, one };
}

describe("a transaction", () => {
  test("shows its changes to itself, and to others only when it has ended well", () => {
    const { dom0, one } = clients();
    const transaction = one.start();
    one.ask(XS.WRITE, "a\0new", transaction);
    one.ask(XS.RM, "b\0", transaction);
    one.ask(XS.WRITE, "c/d\0x", transaction);
    expect(one.ask(XS.READ, "a\0", transaction)).toBe("new");
    expect(one.ask(XS.READ, "a\0")).toBe("a");
    expect(dom0.ask(XS.DIRECTORY, "/local/domain/1\0")).toBe("a\0b\0");
    expect(one.end(transaction)).toBe("OK");
    expect(dom0.ask(XS.DIRECTORY, "/local/domain/1\0")).toBe("a\0c\0");
    expect(one.ask(XS.READ, "c/d\0")).toBe("x");
    expect(one.end(transaction)).toBe("ENOENT");
  });

  test("leaves nothing when it is given up", () => {
    const { store, one } = clients();
    const before = { ...store.domains.find(1) };
    const transaction = one.start();
    one.ask(XS.WRITE, "c/d\0x", transaction);
    one.ask(XS.RM, "a\0", transaction);
    expect(one.end(transaction, "F")).toBe("OK");
    expect(one.ask(XS.DIRECTORY, "/local/domain/1\0")).toBe("a\0b\0");
    expect(store.domains.find(1)).toEqual(before);
  });

  test("tells watches at its end, each node once", () => {
    const { dom0, one } = clients();
    dom0.ask(XS.WATCH, "/local/domain/1\0t\0");
    dom0.events();
    const transaction = one.start();
    one.ask(XS.WRITE, "a\x001", transaction);
    one.ask(XS.WRITE, "b\x002", transaction);
    one.ask(XS.WRITE, "a\x003", transaction);
    expect(dom0.events()).toEqual([]);
    one.end(transaction);
    expect(dom0.events()).toEqual(["/local/domain/1/a t", "/local/domain/1/b t"]);
  });

  const inside: Record<string, [number, string]> = {
    "reads a": [XS.READ, "a\0"],
    "writes a": [XS.WRITE, "a\0x"],
    "asks for a node that is absent": [XS.READ, "absent\0"],
    "lists the home": [XS.DIRECTORY, "/local/domain/1\0"],
    "creates a node": [XS.WRITE, "new\0x"],
    "removes b": [XS.RM, "b\0"],
  };
  const outside: Record<string, [number, string]> = {
    "writes a": [XS.WRITE, "/local/domain/1/a\0y"],
    "writes the same again": [XS.WRITE, "/local/domain/1/a\0a"],
    "removes a": [XS.RM, "/local/domain/1/a\0"],
    "creates the absent node": [XS.WRITE, "/local/domain/1/absent\0y"],
    "reads a": [XS.READ, "/local/domain/1/a\0"],
    "writes elsewhere": [XS.WRITE, "/elsewhere\0y"],
  };
  /** Pairs without a conflict; a change of the list of names is a change of the node above. */
  const compatible = new Set([
    "asks for a node that is absent, writes a",
    "asks for a node that is absent, writes the same again",
    "lists the home, writes a",
    "lists the home, writes the same again",
    "creates a node, writes a",
    "creates a node, writes the same again",
    "removes b, writes a",
    "removes b, writes the same again",
    "reads a, creates the absent node",
    "writes a, creates the absent node",
  ]);
  const cases = Object.keys(inside).flatMap((act) => Object.keys(outside).map((other) => ({ act, other })));

  test.for(cases)("that $act conflicts or not when another client $other", ({ act, other }) => {
    const { dom0, one } = clients();
    const transaction = one.start();
    const [type, payload] = inside[act] ?? [0, ""];
    const [otherType, otherPayload] = outside[other] ?? [0, ""];
    one.ask(type, payload, transaction);
    dom0.ask(otherType, otherPayload);
    const harmless = other === "reads a" || other === "writes elsewhere";
    const expected = harmless || compatible.has(`${act}, ${other}`) ? "OK" : "EAGAIN";
    expect(one.end(transaction)).toBe(expected);
  });

  test("of two that want the same, one wins", () => {
    const { one } = clients();
    const [first, second] = [one.start(), one.start()];
    one.ask(XS.WRITE, "a\x001", first);
    one.ask(XS.WRITE, "a\x002", second);
    expect([one.end(second), one.end(first)]).toEqual(["OK", "EAGAIN"]);
    expect(one.ask(XS.READ, "a\0")).toBe("2");
  });

  test("belongs to its client, and cannot hold another", () => {
    const { dom0, one } = clients();
    const transaction = one.start();
    expect(dom0.ask(XS.READ, "/tool\0", transaction)).toBe("ENOENT");
    expect(one.ask(XS.TRANSACTION_START, "\0", transaction)).toBe("EBUSY");
    expect(one.ask(XS.TRANSACTION_END, "X\0", transaction)).toBe("EINVAL");
    one.ask(XS.RESET_WATCHES, "\0");
    expect(one.end(transaction)).toBe("ENOENT");
  });
});
