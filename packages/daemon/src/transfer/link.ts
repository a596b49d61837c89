import type { Duplex } from "node:stream";
import { encodeFrame, type FrameKind, FrameReader, LIMITS } from "./frames.ts";
import { decodeMessage, encodeMessage, hello, type Message, VERSION } from "./messages.ts";
import { PATIENCE, type Patience } from "./patience.ts";
import { peerFailed, peerSays } from "./problems.ts";

/** What comes in. */
export type Incoming = Message | { kind: "head" | "data"; bytes: Uint8Array };

/** How long the other side may take to hear the last word. */
const LAST_WORD_MS = 10_000;

/** One connection between two daemons. A failure of any kind ends it. */
export class Link {
  /** For messages: `host:port`. */
  readonly peer: string;
  readonly patience: Patience;
  /** The permission to run was given: what follows is not broken off. */
  decisive = false;
  readonly #stream: Duplex;
  readonly #frames: FrameReader;

  constructor(stream: Duplex, peer: string, patience: Patience = PATIENCE) {
    this.#stream = stream;
    this.#frames = new FrameReader(stream);
    this.peer = peer;
    this.patience = patience;
    // Whoever reads or writes is told.
    stream.on("error", () => {});
  }

  /** Both sides say who they are, and go on only when they understand each other. */
  async greet(): Promise<void> {
    await this.send(hello);
    const { version } = await this.expect("hello", this.patience.hello);
    if (version === VERSION) return;
    throw peerFailed(
      this.peer,
      `speaks version ${version} of the protocol; version ${VERSION} is spoken here, so give both hosts the same pvhd`,
    );
  }

  send(message: Message): Promise<void> {
    return this.#write("message", encodeMessage(message));
  }

  sendHead(head: Uint8Array): Promise<void> {
    return this.#write("head", head);
  }

  /** Returns when it can take more. */
  async sendData(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length; at += LIMITS.data) {
      await this.#write("data", chunk.subarray(at, at + LIMITS.data));
    }
  }

  /**
   * What comes next; only one may wait for it.
   *
   * @param ms without it the connection is given up
   * @throws PvhError MIGRATION_PEER
   */
  async next(ms: number): Promise<Incoming> {
    return this.#within(ms, `Nothing has come for ${ms / 1000} s.`, async () => {
      const frame = await this.#frames.next();
      if (frame === undefined) throw new Error("It has closed the connection.");
      const { kind, body } = frame;
      return kind === "message" ? decodeMessage(body) : { kind, bytes: body };
    });
  }

  /** @throws PvhError MIGRATION_PEER, or the problem that is told instead */
  async expect<Kind extends Incoming["kind"]>(
    kind: Kind,
    ms: number,
  ): Promise<Extract<Incoming, { kind: Kind }>> {
    return this.#require(kind, await this.next(ms));
  }

  /** What came has to be of that kind. */
  #require<Kind extends Incoming["kind"]>(kind: Kind, incoming: Incoming): Extract<Incoming, { kind: Kind }> {
    if (isOf(kind, incoming)) return incoming;
    throw this.unexpected(incoming, kind);
  }

  /** What it means that something else came. */
  unexpected(incoming: Incoming, instead: string) {
    if (incoming.kind === "problem") return peerSays(this.peer, incoming.problem);
    return peerFailed(this.peer, `sends ${incoming.kind} where ${instead} comes`);
  }

  /** Ends the connection when the other side has heard everything. */
  async close(): Promise<void> {
    const stream = this.#stream;
    if (stream.destroyed) return;
    const closed = Promise.withResolvers<void>();
    const timer = setTimeout(() => stream.destroy(), LAST_WORD_MS);
    stream.once("close", () => closed.resolve());
    stream.end();
    // What is not read would have the connection reset, and the last word be lost with it.
    void this.#frames.drain().catch(() => {});
    await closed.promise;
    clearTimeout(timer);
  }

  destroy(): void {
    this.#stream.destroy();
  }

  #write(kind: FrameKind, body: Uint8Array): Promise<void> {
    return this.#within(this.patience.memory, "The other side takes nothing any more.", () => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#stream.write(encodeFrame(kind, body), (error) => {
        if (error === null || error === undefined) resolve();
        else reject(error);
      });
      return promise;
    });
  }

  /** What fails, or takes longer, is the end of the connection. */
  async #within<T>(ms: number, late: string, work: () => Promise<T>): Promise<T> {
    const timer = setTimeout(() => this.#stream.destroy(new Error(late)), ms);
    try {
      return await work();
    } catch (cause) {
      this.#stream.destroy();
      throw peerFailed(this.peer, "has broken off", cause);
    } finally {
      clearTimeout(timer);
    }
  }
}

function isOf<Kind extends Incoming["kind"]>(
  kind: Kind,
  incoming: Incoming,
): incoming is Extract<Incoming, { kind: Kind }> {
  return incoming.kind === kind;
}
