import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";

/**
 * Our end of the conversation with agent.sh inside an emulated host, over two virtio-serial ports that carry nothing
 * else. Lines on the first, one command at a time:
 *
 *     <- ready RELEASE                 the host is up
 *     -> ID SECONDS BASE64-COMMAND     run with sh, kill its process group after SECONDS
 *     -> ID SECONDS BASE64-COMMAND live    the same, but what it prints goes to the second port while it runs
 *     <- out ID BASE64
 *     <- err ID BASE64
 *     <- end ID STATUS
 *
 * The second port carries what a live command prints, up to a NUL that the agent adds: the ports have no common order.
 *
 * When our end closes, the host powers itself off, so a killed test leaves no QEMU behind.
 */

export interface CommandResult {
  status: number;
  stdout: string;
  stderr: string;
}

interface Pending {
  id: number;
  result: CommandResult;
  resolve(result: CommandResult): void;
  live: ((text: string) => void) | undefined;
  /** All that a live command printed has arrived. */
  shown: PromiseWithResolvers<void>;
}

/** How long the rest of a live command's output may take: it has no end when its port is still open elsewhere. */
const restMs = 2000;

/** How long after its own time limit a command's answer may take before the host counts as hung. */
const graceMs = 30_000;

export class AgentChannel {
  readonly #stream: Duplex;
  readonly #prelude: string;
  readonly #ready = Promise.withResolvers<string>();
  readonly #lost = Promise.withResolvers<never>();
  #pending: Pending | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #nextId = 1;

  /** `prelude` is shell text that runs before each command: directory, environment. */
  constructor(stream: Duplex, output: Duplex, prelude = "") {
    this.#stream = stream;
    this.#prelude = prelude;
    // Both are waited for only by those who ask.
    this.#ready.promise.catch(() => {});
    this.#lost.promise.catch(() => {});
    // That the host ended, and why, is for the owner of its process to tell: see fail(). Both repeat the error.
    stream.on("error", () => {});
    const lines = createInterface({ input: stream }).on("error", () => {});
    lines.on("line", (line) => this.#receive(line));
    output.on("error", () => {});
    output.setEncoding("utf8").on("data", (text: string) => this.#show(text));
  }

  /** The host's kernel release, once its agent answers. */
  get ready(): Promise<string> {
    return Promise.race([this.#ready.promise, this.#lost.promise]);
  }

  /** Everything that waits, and everything asked later, is rejected with `reason`. */
  fail(reason: Error): void {
    this.#lost.reject(reason);
  }

  /** Runs after all commands asked for earlier have ended; the time limit counts from its start. */
  run(command: string, timeoutMs: number, live?: (text: string) => void): Promise<CommandResult> {
    const result = this.#queue.then(() => this.#exchange(command, timeoutMs, live));
    this.#queue = result.catch(() => {});
    return result;
  }

  async #exchange(command: string, timeoutMs: number, live: Pending["live"]): Promise<CommandResult> {
    const id = this.#nextId++;
    const seconds = Math.max(1, Math.ceil(timeoutMs / 1000));
    const answer = Promise.withResolvers<CommandResult>();
    const shown = Promise.withResolvers<void>();
    const nothing = { status: -1, stdout: "", stderr: "" };
    this.#pending = { id, result: nothing, resolve: answer.resolve, live, shown };
    const started = Date.now();
    const hung = setTimeout(() => {
      this.fail(
        new Error(`The emulated host's agent did not answer within ${seconds} s and a grace of 30 s.`),
      );
    }, timeoutMs + graceMs);
    try {
      const text = Buffer.from(this.#prelude + command).toString("base64");
      this.#stream.write(`${id} ${seconds} ${text}${live === undefined ? "" : " live"}\n`);
      const result = await Promise.race([answer.promise, this.#lost.promise]);
      if (live !== undefined) await Promise.race([shown.promise, delay(restMs), this.#lost.promise]);
      const killed = result.status === 137 && Date.now() - started >= timeoutMs;
      if (killed)
        throw new Error(`${describe(command, result)}\nIt was ended: it ran longer than ${seconds} s.`);
      return result;
    } finally {
      clearTimeout(hung);
      this.#pending = undefined;
    }
  }

  #show(text: string): void {
    const end = text.indexOf("\0");
    this.#pending?.live?.(end < 0 ? text : text.slice(0, end));
    if (end >= 0) this.#pending?.shown.resolve();
  }

  #receive(line: string): void {
    const [verb, word = "", data = ""] = line.trim().split(" ");
    if (verb === "ready") this.#ready.resolve(word);
    const pending = this.#pending;
    if (pending === undefined || Number(word) !== pending.id) return;
    if (verb === "out") pending.result.stdout = Buffer.from(data, "base64").toString();
    if (verb === "err") pending.result.stderr = Buffer.from(data, "base64").toString();
    if (verb === "end") pending.resolve({ ...pending.result, status: Number(data) });
  }
}

/** A command and what came of it, for the message of a failure. */
export function describe(command: string, { status, stdout, stderr }: CommandResult): string {
  return [`$ ${command}`, `status ${status}`, "--- stdout", stdout, "--- stderr", stderr].join("\n");
}
