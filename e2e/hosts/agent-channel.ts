import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";

/**
 * Our end of the conversation with agent.sh inside an emulated host, over a virtio-serial port that carries nothing
 * else. Lines, one command at a time:
 *
 *     <- ready RELEASE                 the host is up
 *     -> ID SECONDS BASE64-COMMAND     run with sh, kill its process group after SECONDS
 *     <- out ID BASE64
 *     <- err ID BASE64
 *     <- end ID STATUS
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
}

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
  constructor(stream: Duplex, prelude = "") {
    this.#stream = stream;
    this.#prelude = prelude;
    // Both are waited for only by those who ask.
    this.#ready.promise.catch(() => {});
    this.#lost.promise.catch(() => {});
    createInterface({ input: stream }).on("line", (line) => this.#receive(line));
    // That the host ended, and why, is for the owner of its process to tell: see fail().
    stream.on("error", () => {});
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
  run(command: string, timeoutMs: number): Promise<CommandResult> {
    const result = this.#queue.then(() => this.#exchange(command, timeoutMs));
    this.#queue = result.catch(() => {});
    return result;
  }

  async #exchange(command: string, timeoutMs: number): Promise<CommandResult> {
    const id = this.#nextId++;
    const seconds = Math.max(1, Math.ceil(timeoutMs / 1000));
    const answer = Promise.withResolvers<CommandResult>();
    this.#pending = { id, result: { status: -1, stdout: "", stderr: "" }, resolve: answer.resolve };
    const started = Date.now();
    const hung = setTimeout(() => {
      this.fail(
        new Error(`The emulated host's agent did not answer within ${seconds} s and a grace of 30 s.`),
      );
    }, timeoutMs + graceMs);
    try {
      this.#stream.write(`${id} ${seconds} ${Buffer.from(this.#prelude + command).toString("base64")}\n`);
      const result = await Promise.race([answer.promise, this.#lost.promise]);
      const killed = result.status === 137 && Date.now() - started >= timeoutMs;
      if (killed)
        throw new Error(`${describe(command, result)}\nIt was ended: it ran longer than ${seconds} s.`);
      return result;
    } finally {
      clearTimeout(hung);
      this.#pending = undefined;
    }
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
