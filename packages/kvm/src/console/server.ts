import { createServer, type Server, type Socket } from "node:net";
import { RUNTIME_FILES } from "../protocol.ts";
import { endAll, listenHere } from "../unix-socket.ts";
import { History } from "./history.ts";
import { ConsoleLog } from "./log.ts";

/** How much of the earlier output a new client gets. */
const REPLAY = 256 * 1024;
/** A client that is this far behind is cut off rather than allowed to stall the guest or fill memory. */
const MAX_BACKLOG = 8 * 2 ** 20;
/** How long clients get at the end to take what is left. */
const FLUSH_MS = 2000;

/** `console.sock`: output goes to every client and to the log; what clients send goes to the guest. */
export class ConsoleServer {
  readonly #server: Server;
  readonly #clients = new Set<Socket>();
  readonly #history = new History(REPLAY);
  readonly #log: ConsoleLog;
  #input: (bytes: Uint8Array) => number = () => 0;
  /** Input that the guest had no room for, by client; each is paused meanwhile. */
  readonly #waiting = new Map<Socket, Uint8Array>();

  constructor(dir: string) {
    this.#log = new ConsoleLog(dir);
    this.#server = createServer((socket) => this.#accept(socket));
  }

  listen(): Promise<void> {
    return listenHere(this.#server, RUNTIME_FILES.console);
  }

  /** `input` takes bytes for the guest and returns how many it had room for. Call {@link inputTaken} when there is room again. */
  connectGuest(input: (bytes: Uint8Array) => number): void {
    this.#input = input;
    this.inputTaken();
  }

  inputTaken(): void {
    for (const [socket, rest] of [...this.#waiting]) {
      this.#waiting.delete(socket);
      this.#take(socket, rest);
    }
  }

  output(chunk: Uint8Array): void {
    this.#log.append(chunk);
    this.#history.append(chunk);
    for (const socket of this.#clients) {
      if (socket.writableLength > MAX_BACKLOG) socket.destroy();
      else socket.write(chunk);
    }
  }

  lastLine(): string | undefined {
    return this.#history.lastLine();
  }

  /** Gives the clients the rest and closes. */
  async close(): Promise<void> {
    this.#server.close();
    await endAll(this.#clients, FLUSH_MS);
  }

  #accept(socket: Socket): void {
    const replay = this.#history.bytes();
    if (replay.length > 0) socket.write(replay);
    this.#clients.add(socket);
    socket.on("data", (bytes) => this.#take(socket, bytes));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      this.#clients.delete(socket);
      this.#waiting.delete(socket);
    });
  }

  #take(socket: Socket, bytes: Uint8Array): void {
    const taken = this.#input(bytes);
    if (taken >= bytes.length) {
      socket.resume();
      return;
    }
    this.#waiting.set(socket, bytes.subarray(taken));
    socket.pause();
  }
}
