import { XS } from "@pvh/abi";
import type { Actor, StoreScript } from "./store-script.ts";

/** What is asked of both stores. Each scenario starts with a fresh server. */
export const scenarios: Record<string, (script: StoreScript) => Promise<void>> = {
  nodes,
  paths,
  "directories in parts": directoryParts,
  permissions,
  "malformed requests": malformed,
  watches,
  "watches and permissions": watchPermissions,
  transactions,
  "transactions and events": transactionEvents,
  quotas,
  "quota of nodes": nodeQuota,
  "a guest's start": guestStart,
  "a domain goes": domainGoes,
  "random requests": randomRequests,
};

async function nodes(script: StoreScript): Promise<void> {
  const dom0 = await script.join("0");
  for (const path of ["/", "/tool", "/tool/xenstored", "/local", "relative", "/absent/below"]) {
    await dom0.directory(path);
    await dom0.read(path);
    await dom0.getPerms(path);
  }
  await dom0.write("/a/b/c", "value");
  await dom0.write("/a/b/c", "");
  await dom0.write("/a/b/c", "\u0000binary\u00ff\u0000");
  await dom0.read("/a/b/c");
  await dom0.read("/a/b");
  await dom0.write("relative/node", "x");
  await dom0.read("/local/domain/0/relative/node");
  for (const name of ["z", "b", "y", "a", "x"]) await dom0.mkdir(`/order/${name}`);
  await dom0.directory("/order");
  await dom0.rm("/order/y");
  await dom0.write("/order/y", "again");
  await dom0.directory("/order");
  await dom0.mkdir("/a/b");
  await dom0.read("/a/b");
  await dom0.rm("/a/absent");
  await dom0.rm("/absent/absent");
  await dom0.rm("/a");
  await dom0.read("/a/b/c");
  await dom0.directory("/a");
  await dom0.rm("/");
  await dom0.directory("/");
  await dom0.write("/", "root");
  await dom0.read("/");
  for (const domid of ["0", "1", "-1", " 7", "+8", "12x", "x", "", "4294967301", "99999999999999999999"]) {
    await dom0.raw(XS.GET_DOMAIN_PATH, `${domid}\0`);
  }
}

async function paths(script: StoreScript): Promise<void> {
  const clients = [await script.join("0"), await script.join("1")];
  const long = (length: number) => "n".repeat(length);
  const tried = [
    "",
    "/",
    "//",
    "/trailing/",
    "/double//slash",
    "/dot.ted",
    "/colon:",
    "/sp ace",
    "/plus+",
    "/under_score-and@at",
    "@special",
    "a@b",
    "/\u00e9",
    ".",
    `/${long(2047)}`,
    `/${long(2048)}`,
    `/local/domain/1/${long(2048)}`,
    `/local/domain/1/${long(2049)}`,
    `/local/domain/12345/${long(2048)}`,
    `/local/domain/123456/${long(2036)}`,
    `/local/domain/-1/${long(2048)}`,
    `/local/domain/-12345/${long(2048)}`,
    `/local/domain//${long(2048)}`,
    `/local/domain/1${long(2048)}`,
    long(2048),
    long(2049),
    long(3060),
  ];
  for (const client of clients) {
    for (const path of tried) {
      await client.read(path);
      await client.write(path, "v");
      await client.mkdir(`${path}/below`);
      await client.rm(path);
      await client.watch(path, "t");
      await client.unwatch(path, "t");
    }
  }
}

async function directoryParts(script: StoreScript): Promise<void> {
  const dom0 = await script.join("0");
  await dom0.directoryPart("/", "0");
  await dom0.mkdir("/empty");
  await dom0.directoryPart("/empty", "0");
  await dom0.directoryPart("/empty", "7");
  await dom0.directoryPart("/absent", "0");
  const transaction = await dom0.start();
  for (let i = 0; i < 120; i++) await dom0.mkdir(`/big/${"n".repeat(60)}${i}`, transaction);
  await dom0.end(transaction);
  await dom0.directory("/big");
  for (const offset of [
    "0",
    "64",
    "63",
    "30",
    "4000",
    "7000",
    "7500",
    "7530",
    "7550",
    "8000",
    "-1",
    "x",
    "",
  ]) {
    await dom0.directoryPart("/big", offset);
  }
  await dom0.raw(XS.DIRECTORY_PART, "/big\0");
  await dom0.raw(XS.DIRECTORY_PART, "/big\x000\x001\0");
  await dom0.mkdir("/edge");
  await dom0.write(`/edge/${"e".repeat(2000)}`, "");
  await dom0.write(`/edge/${"f".repeat(2000)}`, "");
  await dom0.directory("/edge");
  await dom0.write(`/edge/${"g".repeat(88)}`, "");
  await dom0.directoryPart("/edge", "0");
  await dom0.write("/edge/h", "");
  await dom0.directoryPart("/edge", "0");
  await dom0.directory("/edge");
}

async function permissions(script: StoreScript): Promise<void> {
  const dom0 = await script.join("0");
  const one = await script.join("1");
  const two = await script.join("2");
  await dom0.write("/local/domain/1", "home");
  const sets = [
    ["n0"],
    ["r0"],
    ["w0"],
    ["b0"],
    ["n1"],
    ["n0", "r1"],
    ["n0", "w1"],
    ["n0", "b1"],
    ["b0", "n1"],
  ];
  sets.push(["n0", "n1", "b1"], ["n2", "r1"], ["r2", "w1"], ["n0", "r3", "b1"], ["n1", "r2"]);
  for (const [i, set] of sets.entries()) {
    const path = `/p/${i}`;
    await dom0.write(path, `value ${i}`);
    await dom0.write(`${path}/child`, "below");
    await dom0.setPerms(path, set);
    for (const client of [one, two]) {
      await client.read(path);
      await client.directory(path);
      await client.getPerms(path);
      await client.write(path, client.name);
      await client.read(`${path}/child`);
      await client.read(`${path}/absent`);
      await client.rm(`${path}/absent`);
      await client.mkdir(`${path}/made-by-${client.name}`);
      await client.getPerms(`${path}/made-by-${client.name}`);
      await client.setPerms(path, ["n1", "r2"]);
      await client.setPerms(path, ["n2"]);
    }
    await dom0.getPerms(path);
    await dom0.directory(path);
    await one.rm(`${path}/child`);
    await two.rm(path);
  }
  await dom0.write("/s", "");
  const entries = [
    "r1",
    "x1",
    "r",
    "",
    "r0x1",
    "r01",
    "r0x",
    "r08",
    "r-1",
    "r 1",
    "r1 ",
    "r99999999999",
    "rr1",
    "R1",
  ];
  for (const entry of entries) {
    await dom0.setPerms("/s", [entry]);
    await dom0.getPerms("/s");
    await dom0.setPerms("/s", ["n0", entry]);
    await dom0.getPerms("/s");
  }
  await dom0.setPerms("/s", ["n77"]);
  await dom0.setPerms("/s", ["n0", "b77", "r1"]);
  await dom0.getPerms("/s");
  await dom0.setPerms("/s", []);
  await dom0.setPerms("/absent", ["n0"]);
  // What is refused here ends the C program: it returns the errno of whatever went wrong before, perhaps none.
  for (const name of ["@releaseDomain", "@introduceDomain"]) {
    await dom0.setPerms(name, ["n0", "r1"]);
    await dom0.getPerms(name);
    await one.watch(name, "special");
    await two.watch(name, "special");
  }
  await script.join("3");
}

async function malformed(script: StoreScript): Promise<void> {
  const types = Object.values(XS);
  for (const name of ["0", "1"]) {
    const client = await script.join(name);
    // A wrong payload of these leaves the C program's errno at whatever it was.
    const reading: number[] = [XS.DIRECTORY, XS.READ, XS.GET_PERMS, XS.MKDIR, XS.RM];
    // Domain 0 controls the daemon itself with these.
    const control: number[] = [XS.CONTROL, XS.INTRODUCE, XS.RELEASE, XS.RESUME, XS.SET_TARGET];
    for (const type of types) {
      if (name === "0" && control.includes(type)) continue;
      for (const payload of ["", "\0", "text", "/a\0b", "\0\0", "\0\0\0\0", "/x\0t\x001\x002\0"]) {
        if (reading.includes(type) && payload !== "\0") continue;
        await client.raw(type, payload);
      }
      await client.raw(type, "/\0", 4711);
    }
    for (const type of [20, 23, 24, 26, 27, 255, 65535, 0x7fffffff, 0xffffffff])
      await client.raw(type, "/\0");
  }
  const last = await script.join("0b");
  await last.raw(XS.WRITE, `/largest\0${"v".repeat(4096 - 9)}`);
  await last.read("/largest");
  await last.raw(XS.WRITE, `/larger\0${"v".repeat(4096)}`);
}

async function watches(script: StoreScript): Promise<void> {
  const dom0 = await script.join("0");
  const other = await script.join("0b");
  const one = await script.join("1");
  await dom0.write("/local/domain/1", "");
  await dom0.setPerms("/local/domain/1", ["n1"]);
  await other.watch("/w", "absolute");
  await other.watch("/w", "absolute");
  await other.watch("/w", "second");
  await other.watch("/w/deep", "deep");
  await other.watch("/w/deep/node", "deeper");
  await other.watch("/", "root");
  await other.watch("relative", "r");
  await one.watch("data", "relative");
  await one.watch("/local/domain/1/data", "relative");
  await one.watch("/local/domain/1/data", "absolute");
  await one.watch("data/sub", "sub");
  await one.watch("/local/domain/1", "home");
  await dom0.write("/w", "1");
  await dom0.write("/w/deep/node", "2");
  await dom0.write("/w/deeper", "3");
  await dom0.write("/wide", "4");
  await dom0.setPerms("/w/deep", ["r0"]);
  await dom0.mkdir("/w/deep");
  await dom0.write("relative/node", "5");
  await one.write("data", "6");
  await one.write("data/sub/node", "7");
  await one.mkdir("data/sub");
  await one.rm("data/sub");
  await one.write("data/sub/node/below", "8");
  await dom0.rm("/local/domain/1/data");
  await dom0.rm("/w");
  await other.unwatch("/w", "second");
  await other.unwatch("/w", "second");
  await other.unwatch("/w", "other token");
  await other.unwatch("/local/domain/0/relative", "r");
  await one.unwatch("data", "relative");
  await dom0.write("/w/again", "9");
  await one.write("data", "10");
  await one.raw(XS.RESET_WATCHES, "\0");
  await one.write("data", "11");
  await one.watch("data", "relative");
  await other.watch("@introduceDomain", "i");
  await other.watch("@releaseDomain", "r");
  await other.watch("@anything goes: \u00e9", "x");
  await other.watch(`@${"x".repeat(2047)}`, "x");
  await other.watch(`@${"x".repeat(2048)}`, "x");
  await other.watch("@introduceDomain/below", "i");
  await script.join("2");
  await other.watch("/t", "");
  await other.watch("/t", "t".repeat(2000));
  await dom0.write("/t", "");
  await dom0.write(`/t/${"p".repeat(2000)}`, "");
  await other.watch(`/t/${"p".repeat(2000)}`, "t".repeat(2080));
  await dom0.rm("/t");
  script.leave("0b");
  await dom0.write("/w/again", "12");
}

async function watchPermissions(script: StoreScript): Promise<void> {
  const dom0 = await script.join("0");
  const one = await script.join("1");
  await one.watch("/v", "v");
  await one.watch("/v/secret/deep", "deep");
  await dom0.write("/v", "1");
  await dom0.write("/v/secret", "2");
  await dom0.setPerms("/v", ["n0", "r1"]);
  await dom0.write("/v/secret", "3");
  await dom0.write("/v/secret/deep", "4");
  await dom0.setPerms("/v/secret", ["n0", "r1"]);
  await dom0.write("/v/secret/deep", "5");
  await dom0.setPerms("/v/secret", ["n0"]);
  await dom0.write("/v/secret/deep", "6");
  await dom0.write("/v/new", "7");
  await dom0.setPerms("/v", ["n0"]);
  await dom0.write("/v/new", "8");
  await dom0.rm("/v/new");
  await dom0.setPerms("/v", ["n0", "r1"]);
  const transaction = await dom0.start();
  await dom0.setPerms("/v", ["n0"], transaction);
  await dom0.write("/v/hidden", "9", transaction);
  await dom0.end(transaction);
  const removal = await dom0.start();
  await dom0.rm("/v", removal);
  await dom0.end(removal);
  await dom0.write("/v", "10");
}

async function transactions(script: StoreScript): Promise<void> {
  const dom0 = await script.join("0");
  const one = await script.join("1");
  await dom0.write("/local/domain/1", "");
  await dom0.setPerms("/local/domain/1", ["n1"]);
  await dom0.write("/local/domain/1/a", "a");
  await dom0.write("/local/domain/1/b", "b");
  const inside: ((t: number) => Promise<string>)[] = [
    (t) => one.read("a", t),
    (t) => one.write("a", "changed", t),
    (t) => one.read("absent", t),
    (t) => one.directory("", t),
    (t) => one.directory("/local/domain/1", t),
    (t) => one.write("new/node", "new", t),
    (t) => one.rm("b", t),
    (t) => one.rm("absent", t),
    (t) => one.getPerms("a", t),
    (t) => one.setPerms("a", ["n1", "r2"], t),
    (t) => one.mkdir("a", t),
    (t) => one.mkdir("a/below", t),
  ];
  const outside: (() => Promise<string>)[] = [
    () => dom0.write("/local/domain/1/a", "a"),
    () => dom0.write("/local/domain/1/other", "o"),
    () => dom0.rm("/local/domain/1/a"),
    () => dom0.read("/local/domain/1/a"),
    () => dom0.write("/elsewhere", "e"),
    () => dom0.write("/local/domain/1/absent", "now there"),
    () => dom0.rm("/local/domain/1"),
  ];
  for (const [i, act] of inside.entries()) {
    for (const [k, interfere] of outside.entries()) {
      if ((i + k) % 2 === 1 && i > 5) continue;
      script.note(`inside ${i} outside ${k}`);
      const restored = await dom0.start();
      await dom0.rm("/local/domain/1", restored);
      await dom0.write("/local/domain/1", "", restored);
      await dom0.setPerms("/local/domain/1", ["n1"], restored);
      await dom0.write("/local/domain/1/a", "a", restored);
      await dom0.write("/local/domain/1/b", "b", restored);
      await dom0.end(restored);
      const transaction = await one.start();
      await act(transaction);
      await interfere();
      await one.read("a", transaction);
      await one.end(transaction);
      await one.directory("/local/domain/1");
      await one.read("a");
      await one.end(transaction);
    }
  }
  const first = await dom0.start();
  await dom0.raw(XS.TRANSACTION_START, "\0", first);
  await dom0.end(0);
  await dom0.end(first, "X");
  await dom0.end(first, "");
  await dom0.write("/aborted", "no", first);
  await dom0.end(first, "F");
  await dom0.read("/aborted");
  await one.read("a", first);
  const ids = [await dom0.start(), await dom0.start(), await dom0.start()];
  for (const id of ids) await dom0.write(`/disjoint-${id}/node`, "v", id);
  for (const id of ids) await dom0.end(id);
  await dom0.directory("/");
  const pair = [await dom0.start(), await dom0.start()] as const;
  await dom0.read("/local", pair[0]);
  await dom0.read("/tool", pair[1]);
  await dom0.write("/tool", "1", pair[0]);
  await dom0.write("/local", "2", pair[1]);
  await dom0.end(pair[0]);
  await dom0.end(pair[1]);
  const churn = await dom0.start();
  await dom0.write("/churn/x", "1", churn);
  await dom0.rm("/churn", churn);
  await dom0.write("/churn/y", "2", churn);
  await dom0.directory("/churn", churn);
  await dom0.directoryPart("/churn", "0");
  await dom0.end(churn);
  await dom0.directory("/churn");
  const reset = await one.start();
  await one.write("a", "in a transaction that is reset", reset);
  await one.raw(XS.RESET_WATCHES, "\0");
  await one.end(reset);
  await one.start();
}

async function transactionEvents(script: StoreScript): Promise<void> {
  const dom0 = await script.join("0");
  const other = await script.join("0b");
  for (const path of ["/e", "/e/a", "/e/a/deep", "/e/b", "/f/g/h"]) await other.watch(path, path);
  await dom0.write("/e/a/deep", "");
  await dom0.write("/e/b", "");
  const all = await dom0.start();
  await dom0.write("/e/b", "1", all);
  await dom0.write("/e/a", "2", all);
  await dom0.write("/e/b", "3", all);
  await dom0.write("/f/g/h", "4", all);
  await dom0.mkdir("/e/c/d", all);
  await dom0.rm("/e/b", all);
  await dom0.setPerms("/e/a/deep", ["r0"], all);
  await dom0.end(all);
  const removal = await dom0.start();
  await dom0.rm("/e", removal);
  await dom0.rm("/f/g", removal);
  await dom0.end(removal);
  const replaced = await dom0.start();
  await dom0.write("/e/a/deep", "5", replaced);
  await dom0.rm("/e/a", replaced);
  await dom0.write("/e/a", "6", replaced);
  await dom0.end(replaced);
  const aborted = await dom0.start();
  await dom0.write("/e/a", "7", aborted);
  await dom0.end(aborted, "F");
  const conflict = await dom0.start();
  await dom0.write("/e/a", "8", conflict);
  await other.write("/e/a", "9");
  await dom0.end(conflict);
}

async function quotas(script: StoreScript): Promise<void> {
  const dom0 = await script.join("0");
  const one = await script.join("1");
  await dom0.write("/local/domain/1", "");
  await dom0.setPerms("/local/domain/1", ["n1"]);
  await dom0.write("/other", "");
  await dom0.setPerms("/other", ["b0"]);
  await one.mkdir("size");
  for (const length of [2015, 2014, 2016, 2048, 3000]) {
    await one.write("size/value", "v".repeat(length));
    await one.write("/other", "v".repeat(length));
    await dom0.write("/other", "v".repeat(length));
  }
  for (const length of [900, 900, 179, 178, 200]) await one.mkdir(`size/${"c".repeat(length)}`);
  await one.directoryPart("size", "0");
  await one.setPerms("size/value", ["n1", "r0", "r2", "r3", "b0"]);
  await one.setPerms("size/value", ["n1", "r0", "r2", "r3", "b0", "r0"]);
  await dom0.setPerms("/other", ["n0", "r1", "r1", "r1", "r1", "r1", "r1"]);
  for (let i = 0; i < 131; i++) await one.watch(`watched-${i}`, "t");
  await one.unwatch("watched-3", "t");
  await one.watch("again", "t");
  await one.watch("once-more", "t");
  const ids: number[] = [];
  for (let i = 0; i < 13; i++) ids.push(await one.start());
  await one.end(ids[0] ?? 0, "F");
  await one.start();
  await one.start();
  await one.raw(XS.RESET_WATCHES, "\0");
  const failing = await one.start();
  await one.write("big/value", "v".repeat(3000), failing);
  await one.write("small", "v", failing);
  await one.end(failing);
  await one.read("small");
  const wide = await one.start();
  await one.mkdir("wide", wide);
  for (let i = 0; i < 1026; i++) await one.read(`wide/${i}`, wide);
  await one.read("size/value", wide);
  await one.end(wide);
}

async function nodeQuota(script: StoreScript): Promise<void> {
  const dom0 = await script.join("0");
  const one = await script.join("1");
  await dom0.write("/local/domain/1", "");
  await dom0.setPerms("/local/domain/1", ["n1"]);
  for (const [count, start] of [
    [500, 0],
    [497, 500],
  ] as const) {
    const transaction = await one.start();
    for (let i = start; i < start + count; i++) await one.mkdir(`n/${i % 10}/${i}`, transaction);
    await one.end(transaction);
  }
  for (const path of ["x/y/z", "x/y", "x", "one", "two", "three"]) await one.write(path, "");
  await one.directory("/local/domain/1");
  await dom0.mkdir("/local/domain/1/by-dom0");
  const over = await one.start();
  await one.mkdir("four", over);
  await one.end(over);
  await one.rm("n/1");
  await one.mkdir("five/six");
  const many = await one.start();
  for (let i = 0; i < 120; i++) await one.mkdir(`m/${i}`, many);
  await one.end(many);
  await one.directory("/local/domain/1");
  await dom0.rm("/local/domain/1/n");
  await one.mkdir("seven/eight");
}

/** What Linux asks while it starts, in its order. */
async function guestStart(script: StoreScript): Promise<void> {
  const dom0 = await script.join("0");
  await dom0.write("/local/domain/1", "");
  await dom0.setPerms("/local/domain/1", ["n0", "r1"]);
  await dom0.write("/local/domain/1/cpu/0/availability", "online");
  await dom0.write("/local/domain/1/memory/target", "262144");
  for (const node of ["shutdown", "sysrq", "feature-poweroff", "feature-reboot", "feature-suspend"]) {
    await dom0.write(`/local/domain/1/control/${node}`, "");
    await dom0.setPerms(`/local/domain/1/control/${node}`, ["n1"]);
  }
  await dom0.mkdir("/local/domain/1/device");
  const one = await script.join("1");
  await dom0.watch("/local/domain/1/control", "toolstack");
  await one.watch("cpu", "FFFFFFFF81E5B3A0");
  await one.read("cpu/0/availability");
  await one.watch("control/shutdown", "FFFFFFFF81E5B2A0");
  await one.watch("control/sysrq", "FFFFFFFF81E5B2C0");
  for (const node of ["poweroff", "reboot", "suspend"]) await one.write(`control/feature-${node}`, "1");
  await one.directory("backend");
  await one.watch("backend", "b");
  await one.directory("device");
  await one.watch("device", "d");
  await one.watch("memory/target", "m");
  const start = await one.start();
  await one.read("control/shutdown", start);
  await one.end(start);
  await one.read("memory/target");
  await one.write("memory/target", "1");
  await dom0.write("/local/domain/1/control/shutdown", "poweroff");
  const shutdown = await one.start();
  await one.read("control/shutdown", shutdown);
  await one.write("control/shutdown", "", shutdown);
  await one.end(shutdown);
}

async function domainGoes(script: StoreScript): Promise<void> {
  const dom0 = await script.join("0");
  const first = await script.join("1");
  const two = await script.join("2");
  await dom0.write("/local/domain/1", "");
  await dom0.setPerms("/local/domain/1", ["n0", "r1", "r2"]);
  await dom0.write("/local/domain/1/own", "");
  await dom0.setPerms("/local/domain/1/own", ["n1", "b2"]);
  await first.write("own/a/b", "1");
  await two.write("/local/domain/1/own/of-two", "2");
  await dom0.write("/shared", "3");
  await dom0.setPerms("/shared", ["n0", "b1", "r2"]);
  for (const path of ["/local/domain/1", "/local/domain/1/own/a", "@releaseDomain", "@introduceDomain"]) {
    await dom0.watch(path, "w");
    await two.watch(path, "w");
  }
  const transaction = await first.start();
  await first.write("own/in-transaction", "4", transaction);
  script.leave("1");
  await script.release(1);
  // The C program lets the next domain 1 have the last domain's rights to the node that was changed last.
  await dom0.write("/between", "");
  await dom0.directory("/local/domain/1");
  await dom0.getPerms("/local/domain/1");
  await dom0.getPerms("/shared");
  const next = await script.join("1");
  await next.read("/shared");
  await next.directory("/local/domain/1");
  await dom0.setPerms("/shared", ["n0", "b1", "r2"]);
  await next.read("/shared");
  await dom0.write("/shared/below", "5");
  await next.read("/shared/below");
  await two.read("/shared/below");
}

/** The same sequence each time: Numerical Recipes' generator. */
function pick(seed: number): <T>(from: readonly T[]) => T {
  let state = seed;
  return (from) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const chosen = from[Math.floor((state / 2 ** 32) * from.length)];
    if (chosen === undefined) throw new Error("nothing to pick from");
    return chosen;
  };
}

async function randomRequests(script: StoreScript): Promise<void> {
  const clients = [
    await script.join("0"),
    await script.join("0b"),
    await script.join("1"),
    await script.join("2"),
  ];
  const choose = pick(20170);
  const paths = ["", "/a", "/b", "/a/c"].flatMap((a) => ["/x", "/y", "/x/z"].map((b) => `/r${a}${b}`));
  paths.push("/r", "/r/a", "/r/b", "/");
  const sets = [["n0"], ["b0"], ["r0"], ["n1", "b2"], ["w2", "r1"], ["n1"], ["n2", "r0"], ["b1"]];
  const open = new Map<Actor, number[]>(clients.map((client) => [client, []]));
  await clients[0]?.setPerms("/", ["b0"]);
  const acts: ((client: Actor, path: string, transaction: number) => Promise<unknown>)[] = [
    (client, path, t) => client.read(path, t),
    (client, path, t) => client.directory(path, t),
    (client, path, t) => client.getPerms(path, t),
    (client, path, t) => client.write(path, choose(["1", "22", "333"]), t),
    (client, path, t) => client.write(path, choose(["1", "22", "333"]), t),
    (client, path, t) => client.mkdir(path, t),
    (client, path, t) => (path === "/" || path === "/r" ? client.read(path, t) : client.rm(path, t)),
    (client, path, t) => (path === "/" ? client.getPerms(path, t) : client.setPerms(path, choose(sets), t)),
    (client, path) => client.watch(path, choose(["s", "t"])),
    (client, path) => client.unwatch(path, choose(["s", "t"])),
    (client, path) => client.directoryPart(path, choose(["0", "1", "5"])),
    async (client) => {
      const id = await client.start();
      if (id !== 0) open.get(client)?.push(id);
    },
    async (client) => {
      const id = open.get(client)?.shift();
      if (id !== undefined) await client.end(id, choose(["T", "T", "T", "F"]));
    },
  ];
  for (let i = 0; i < 2000; i++) {
    const client = choose(clients);
    await choose(acts)(client, choose(paths), choose([0, 0, ...(open.get(client) ?? [])]));
  }
}
