import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { PvhError } from "@pvh/errors";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { eventually } from "../eventually.testing.ts";
import { TestAuthority, withoutOpenssl } from "./certificates.testing.ts";
import { encodeFrame } from "./frames.ts";
import { readIdentity } from "./identity.ts";
import { encodeMessage, hello, type Message } from "./messages.ts";
import { Peers } from "./peers.ts";
import { TwoDaemons } from "./two-daemons.testing.ts";

const patience = { hello: 10_000, step: 10_000, memory: 10_000 };
/** For what is about waiting. */
const impatience = { hello: 2500, step: 2500, memory: 2500 };
const quiet = () => {};
describe.skipIf(withoutOpenssl())("migration between two daemons", () => {
  let two: TwoDaemons;
  let stranger: TestAuthority;

  beforeAll(() => {
    stranger = new TestAuthority();
  });
  afterAll(() => stranger[Symbol.dispose]());
  beforeEach(async () => {
    two = await new TwoDaemons(patience).start();
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await two[Symbol.asyncDispose]();
  });

  async function startAgain(other: typeof patience): Promise<void> {
    await two[Symbol.asyncDispose]();
    two = await new TwoDaemons(other).start();
  }

  async function failure(work: Promise<unknown>): Promise<PvhError> {
    const error = await work.then(
      () => new Error("It has not failed."),
      (reason: unknown) => reason,
    );
    if (error instanceof PvhError) return error;
    throw error;
  }

  test("a domain goes to the other daemon, with its name and uuid", async () => {
    const uuid = await two.guest({ memory: 77, on_poweroff: "restart" });
    const record = await two.migrate();
    const where = `127.0.0.1:${two.address.port}`;
    expect(record).toMatchObject({
      state: "shutdown",
      exit: { reason: "suspend", detail: `It was migrated to ${where}.` },
    });
    expect(two.running()).toEqual({ source: [], target: [uuid] });
    expect(two.target.domains.get("guest")).toMatchObject({ uuid, state: "running", config: { memory: 77 } });
    expect(two.target.lines.join("\n")).toMatch(/runs, and comes from 127\.0\.0\.1:/);
  });

  test("it may come back, to where its record still is", async () => {
    const uuid = await two.guest();
    await two.migrate();
    const port = await two.peers.source.listen({ host: "127.0.0.1", port: 0 }, (arrival) =>
      two.source.domains.receive(arrival),
    );
    await two.target.domains.migrate(uuid, { host: "127.0.0.1", port }, false);
    expect(two.running()).toEqual({ source: [uuid], target: [] });
    expect(two.source.domains.list()).toHaveLength(1);
    expect(two.source.domains.get(uuid)).toMatchObject({ state: "running" });
  });

  test("what the other side refuses goes on here, and leaves nothing there", async () => {
    const uuid = await two.guest();
    const { domains } = two.target;
    const kernel = two.target.kernel;
    const { GuestConfig } = await import("@pvh/builder");
    await domains.create(GuestConfig.parse({ name: "guest", type: "pvh", kernel }), false);
    const error = await failure(two.migrate());
    expect(error.code).toBe("DOMAIN_NAME_TAKEN");
    expect(error.message).toMatch(/^The pvhd at 127\.0\.0\.1:\d+ says: The name "guest" belongs to/);
    expect(two.source.backend.running()).toEqual([uuid]);
    expect(two.source.domains.get(uuid).state).toBe("running");
    expect(domains.list()).toHaveLength(1);
  });

  test("a failure there is told here with its causes, and leaves nothing", async () => {
    const uuid = await two.guest();
    vi.spyOn(two.target.backend, "launch").mockRejectedValueOnce(
      new PvhError("HOST_MEMORY", "There is too little.", {
        field: "memory",
        cause: new Error("all is used"),
      }),
    );
    const error = await failure(two.migrate());
    expect(error).toMatchObject({ code: "HOST_MEMORY", details: { field: "memory" } });
    expect(String(error.cause)).toContain("all is used");
    expect(two.running()).toEqual({ source: [uuid], target: [] });
    expect(two.target.domains.list()).toEqual([]);
  });

  test("a failure here, in the midst of it, leaves nothing there", async () => {
    const uuid = await two.guest();
    two.source.backend.guest(uuid).saves = async () => {
      throw new PvhError("DOMAIN_STATE", "It does not suspend.");
    };
    expect((await failure(two.migrate())).code).toBe("DOMAIN_STATE");
    await eventually(() => expect(two.target.domains.list()).toEqual([]));
    expect(two.running()).toEqual({ source: [uuid], target: [] });
    expect(two.target.lines.join("\n")).toContain("It does not suspend.");
  });

  test("a failure there after the permission lets it go on here", async () => {
    const uuid = await two.guest();
    two.target.backend.gate = Promise.resolve().then(() => {});
    const launch = two.target.backend.launch.bind(two.target.backend);
    vi.spyOn(two.target.backend, "launch").mockImplementationOnce(async (start) => {
      const instance = await launch(start);
      two.target.backend.guest(uuid).arrives = async () => {
        throw new PvhError("XEN_CALL", "It cannot have its uuid.");
      };
      return instance;
    });
    expect((await failure(two.migrate())).code).toBe("XEN_CALL");
    expect(two.running()).toEqual({ source: [uuid], target: [] });
    expect(two.source.domains.get(uuid).state).toBe("running");
    expect(two.target.domains.list()).toEqual([]);
  });

  test("a connection that breaks after the permission leaves it paused here", async () => {
    await startAgain({ ...patience, step: 3000 });
    const uuid = await two.guest();
    const gate = Promise.withResolvers<void>();
    const launch = two.target.backend.launch.bind(two.target.backend);
    vi.spyOn(two.target.backend, "launch").mockImplementationOnce(async (start) => {
      const instance = await launch(start);
      two.target.backend.guest(uuid).arrives = () => gate.promise;
      return instance;
    });
    const error = await failure(two.migrate());
    expect(error.code).toBe("MIGRATION_UNDECIDED");
    expect(error.message).toContain("Look there (pvhctl list)");
    expect(two.source.domains.get(uuid).state).toBe("paused");
    // And there it runs after all.
    gate.resolve();
    await eventually(() => expect(two.target.domains.get(uuid).state).toBe("running"));
    await two.source.domains.destroy(uuid);
  });

  test("whoever destroys it does not wait until it has moved", async () => {
    const uuid = await two.guest();
    const reached = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    two.source.backend.guest(uuid).saves = () => {
      reached.resolve();
      return gate.promise;
    };
    const migrating = failure(two.migrate());
    await reached.promise;
    const destroyed = two.source.domains.destroy(uuid);
    gate.resolve();
    expect((await migrating).code).toBe("DOMAIN_STATE");
    expect(await destroyed).toMatchObject({ state: "destroyed", exit: { reason: "killed" } });
    await eventually(() => expect(two.target.domains.list()).toEqual([]));
  });

  test("whoever deletes what is coming in breaks it off", async () => {
    const uuid = await two.guest();
    const gate = Promise.withResolvers<void>();
    two.source.backend.guest(uuid).saves = () => gate.promise;
    const migrating = failure(two.migrate());
    await eventually(() => expect(two.target.domains.list()).toHaveLength(1));
    two.peers.target.close();
    gate.resolve();
    expect((await migrating).code).toBe("MIGRATION_PEER");
    expect(two.running()).toEqual({ source: [uuid], target: [] });
    await eventually(() => expect(two.target.domains.list()).toEqual([]));
  });

  test("a pvhd without certificates says so", async () => {
    await two.source.restart();
    await two.guest();
    expect((await failure(two.migrate())).code).toBe("MIGRATION_OFF");
  });

  test("nobody listens, or another one than was named", async () => {
    const uuid = await two.guest();
    two.peers.target.close();
    const silent = await failure(two.migrate());
    expect([silent.code, silent.message]).toEqual([
      "MIGRATION_PEER",
      expect.stringMatching(/cannot be reached; check the address/),
    ]);
    const misnamed = new Peers(
      readIdentity(two.authority.issue("elsewhere", "IP:127.0.0.9")),
      quiet,
      patience,
    );
    two.address.port = await misnamed.listen({ host: "127.0.0.1", port: 0 }, async () => {});
    const wrong = await failure(two.migrate());
    expect(String(wrong.cause)).toContain("does not match certificate's altnames");
    misnamed.close();
    expect(two.running()).toEqual({ source: [uuid], target: [] });
  });

  test("who has no certificate of the authority's is not listened to", async () => {
    const alien = readIdentity(stranger.issue("alien"));
    const { ca } = readIdentity(two.authority.issue("victim"));
    const land = vi.spyOn(two.target.domains, "receive");
    const { port } = two.address;
    for (const credentials of [{}, { cert: alien.cert, key: alien.key }]) {
      const socket = connectTls({ host: "127.0.0.1", port, ca, ...credentials });
      socket.on("error", () => {});
      socket.write(encodeFrame("message", encodeMessage(hello)));
      await new Promise((resolve) => socket.once("close", resolve));
    }
    const old = connectTls({ host: "127.0.0.1", port, ...alien, ca, maxVersion: "TLSv1.2" });
    await new Promise((resolve) => old.once("error", resolve));
    expect(land).not.toHaveBeenCalled();
  });

  test("who does not go on is not waited for, and who speaks something else is refused", async () => {
    await startAgain(impatience);
    const { cert, key, ca } = readIdentity(two.authority.issue("peer"));
    const talk = async (...frames: Uint8Array[]): Promise<string> => {
      const socket = connectTls({ host: "127.0.0.1", port: two.address.port, cert, key, ca });
      let said = "";
      socket.on("data", (text: Buffer) => {
        said += text.toString("latin1");
      });
      socket.on("error", () => {});
      for (const frame of frames) socket.write(frame);
      await new Promise((resolve) => socket.once("close", resolve));
      return said;
    };
    const message = (one: Message) => encodeFrame("message", encodeMessage(one));
    const offer = message({ kind: "offer", pages: 1 });
    const head = (text: string) => encodeFrame("head", Buffer.from(text));
    await talk();
    await talk(message(hello));
    expect(
      await talk(message({ ...hello, kind: "hello", protocol: "pvhd-migration", version: 2 })),
    ).toContain("speaks version 2 of the protocol");
    await talk(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
    expect(await talk(message(hello), message({ kind: "go" }))).toContain("sends go where offer comes");
    expect(await talk(message(hello), offer, head("{}"))).toContain("SAVED_FORMAT");
    const config = JSON.stringify({ name: "x", type: "pvh", kernel: two.target.kernel });
    expect(await talk(message(hello), offer, head(config), message({ kind: "go" }))).toContain(
      "sends go where memory comes",
    );
    expect(await talk(message(hello), offer, head(config), encodeFrame("data", Buffer.alloc(9)))).toContain(
      "ready",
    );
    // And one that does not even speak TLS.
    const plain = connectTcp(two.address.port, "127.0.0.1");
    plain.on("error", () => {});
    plain.write("hello");
    await new Promise((resolve) => plain.once("close", resolve));
    await eventually(() => expect(two.target.domains.list()).toEqual([]));
    // The listener goes on.
    const uuid = await two.guest();
    await two.migrate();
    expect(two.running()).toEqual({ source: [], target: [uuid] });
  });

  test("four come at once, and a fifth is told so; likewise of those that go", async () => {
    const open = Promise.withResolvers<void>();
    two.target.backend.gate = open.promise;
    const names = ["a", "b", "c", "d", "guest"];
    for (const name of names) await two.guest({ name });
    const moves = names.slice(0, 4).map((name) => two.source.domains.migrate(name, two.address, true));
    await eventually(() => expect(two.target.backend.launches).toBe(4));
    expect((await failure(two.migrate())).message).toContain("4 domains are on their way already");
    const another = new Peers(readIdentity(two.authority.issue("another")), quiet, patience);
    const transfer = await another.connect(two.address);
    expect((await failure(transfer.offer(Buffer.from("{}"), 1))).message).toContain(
      "4 domains are taken at once",
    );
    await transfer.close();
    open.resolve();
    await Promise.all(moves);
    await eventually(two.migrate.bind(two));
    expect(two.running()).toMatchObject({ source: [], target: { length: 5 } });
  });
});
