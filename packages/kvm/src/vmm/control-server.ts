import { createServer, type Server, type Socket } from "node:net";
import { PvhError, toProblem } from "@pvh/errors";
import { JsonLines } from "../json-lines.ts";
import {
  type ControlMessage,
  type ControlMethod,
  ControlRequest,
  RUNTIME_FILES,
  type StageTiming,
  type VmmEvent,
} from "../protocol.ts";

/** A client that does not read its events is cut off. */
const MAX_BACKLOG = 1 << 20;

/** What the control socket offers; results go to the client as they are. */
export interface ControlledDomain {
  readonly uuid: string;
  readonly stages: readonly StageTiming[];
  call(method: ControlMethod): Promise<unknown>;
}

/** `control.sock`: requests and events as JSON lines (see protocol.ts). */
export class ControlServer {
  readonly #server: Server;
  readonly #clients = new Set<Socket>();
  readonly #domain: ControlledDomain;
  readonly #first = Promise.withResolvers<void>();

  constructor(domain: ControlledDomain) {
    this.#domain = domain;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** In the working directory, whose own path may be too long for a socket address. */
  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(RUNTIME_FILES.control, resolve);
    });
  }

  /** Resolves when the first client has connected. */
  get firstClient(): Promise<void> {
    return this.#first.promise;
  }

  broadcast(event: VmmEvent): void {
    for (const socket of this.#clients) send(socket, event);
  }

  /** Resolves when the clients have everything that was sent; slow ones are not waited for longer than a second. */
  async close(): Promise<void> {
    this.#server.close();
    const ended = [...this.#clients].map((socket) => new Promise<void>((resolve) => socket.end(resolve)));
    await Promise.race([Promise.all(ended), new Promise((resolve) => setTimeout(resolve, 1000).unref())]);
    for (const socket of this.#clients) socket.destroy();
  }

  #accept(socket: Socket): void {
    this.#clients.add(socket);
    const lines = new JsonLines();
    socket.on("data", (chunk) => {
      try {
        for (const line of lines.feed(chunk)) void this.#answer(socket, line);
      } catch {
        socket.destroy();
      }
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#clients.delete(socket));
    const { uuid, stages } = this.#domain;
    send(socket, { hello: { uuid, pid: process.pid } });
    for (const stage of stages) send(socket, { event: "stage", stage });
    this.#first.resolve();
  }

  async #answer(socket: Socket, line: unknown): Promise<void> {
    const request = ControlRequest.safeParse(line);
    if (!request.success) {
      const error = new PvhError("REQUEST_INVALID", "A line on the control socket is not a request.");
      return send(socket, { id: -1, error: { ...toProblem(error) } });
    }
    const { id, method } = request.data;
    try {
      const result = await this.#domain.call(method);
      send(socket, { id, result: result ?? null });
    } catch (error) {
      send(socket, { id, error: { ...toProblem(error) } });
    }
  }
}

function send(socket: Socket, message: ControlMessage): void {
  if (socket.destroyed || !socket.writable) return;
  if (socket.writableLength > MAX_BACKLOG) socket.destroy();
  else socket.write(`${JSON.stringify(message)}\n`);
}
