import type { Incoming, Link } from "./link.ts";
import { problemMessage } from "./messages.ts";
import { peerSays, undecided } from "./problems.ts";

/** A domain's way to another host, step by step. What fails before `permit` leaves nothing there. */
export interface Transfer {
  /** For messages: `host:port`. */
  readonly peer: string;
  /**
   * Resolves when the other host has made a domain that takes the memory.
   *
   * @param head as in a file with a saved domain
   * @param pages of memory that the domain has
   */
  offer(head: Uint8Array, pages: number): Promise<void>;
  /** Sends the memory; fails as soon as the other host does. */
  pour(memory: AsyncIterable<Uint8Array>): Promise<void>;
  /** That was all. Resolves when the domain is complete there, and waits. */
  finish(): Promise<void>;
  /**
   * Gives the domain away. Resolves when it runs there.
   *
   * @throws PvhError MIGRATION_UNDECIDED; with any other code it does not run there, and never will
   */
  permit(): Promise<void>;
  /** Tells the other host that it is off, or that all is done, and lets go of it. */
  close(failure?: unknown): Promise<void>;
}

/** The sender's half of the protocol. */
export class Sender implements Transfer {
  readonly #link: Link;
  /** What comes next, while nothing but a failure should come. */
  #answer: Promise<Incoming> | undefined;

  constructor(link: Link) {
    this.#link = link;
  }

  get peer(): string {
    return this.#link.peer;
  }

  async offer(head: Uint8Array, pages: number): Promise<void> {
    await this.#link.greet();
    await this.#link.send({ kind: "offer", pages });
    await this.#link.sendHead(head);
    await this.#link.expect("ready", this.#link.patience.step);
  }

  async pour(memory: AsyncIterable<Uint8Array>): Promise<void> {
    const refused = this.#listen().then((incoming) => {
      throw this.#link.unexpected(incoming, "silence");
    });
    refused.catch(() => {});
    const sending = this.#sendAll(memory);
    sending.catch(() => {});
    // When both fail, what the other side says is the reason.
    await Promise.race([refused, sending.catch(async (error: unknown) => this.#reason(refused, error))]);
  }

  async finish(): Promise<void> {
    const answer = this.#listen();
    await this.#link.send({ kind: "end" });
    const incoming = await this.#within(answer, this.#link.patience.step);
    this.#answer = undefined;
    if (incoming.kind !== "restored") throw this.#link.unexpected(incoming, "restored");
  }

  async permit(): Promise<void> {
    this.#link.decisive = true;
    let answer: Incoming;
    try {
      await this.#link.send({ kind: "go" });
      answer = await this.#link.next(this.#link.patience.step);
    } catch (cause) {
      throw undecided(this.peer, cause);
    }
    if (answer.kind === "running") return;
    if (answer.kind === "problem") throw peerSays(this.peer, answer.problem);
    throw undecided(this.peer, this.#link.unexpected(answer, "running"));
  }

  async close(failure?: unknown): Promise<void> {
    try {
      if (failure !== undefined) await this.#link.send(problemMessage(failure));
    } catch {
      // It has gone before.
    }
    await this.#link.close();
  }

  #listen(): Promise<Incoming> {
    // How long it may be silent is for those to say who send meanwhile.
    if (this.#answer === undefined) {
      this.#answer = this.#link.next(FOREVER);
      // Whatever else fails first is told.
      this.#answer.catch(() => {});
    }
    return this.#answer;
  }

  async #sendAll(memory: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of memory) await this.#link.sendData(chunk);
  }

  /** A connection that breaks may have brought a last word before. */
  async #reason(refused: Promise<never>, error: unknown): Promise<never> {
    await Promise.race([refused, new Promise((resolve) => setTimeout(resolve, LAST_WORD_MS))]);
    throw error;
  }

  async #within<T>(promise: Promise<T>, ms: number): Promise<T> {
    const timer = setTimeout(() => this.#link.destroy(), ms);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }
}

const LAST_WORD_MS = 1000;
/** The longest that a timer takes. */
const FOREVER = 2 ** 31 - 1;
