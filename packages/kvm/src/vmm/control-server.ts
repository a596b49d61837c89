import { createServer, type Server, type Socket } from "node:net";
import { PvhError, toProblem } from "@pvh/errors";
import { JsonLines } from "../json-lines.ts";
import {
  type ControlCall,
  type ControlMessage,
  ControlRequest,
  RUNTIME_FILES,
  type StageTiming,
  type VmmEvent,
} from "../protocol.ts";
import { endAll, listenHere } from "../unix-socket.ts";

/** A client that does not read its events is cut off. */
const MAX_BACKLOG = 1 << 20;
/** How long clients get at the end to take what is left. */
const FLUSH_MS = 1000;

/** What the control socket offers; results go to the client as they are. */
export interface ControlledDomain {
  readonly uuid: string;
  readonly stages: readonly StageTiming[];
  call(request: ControlCall): Promise<unknown>;
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

  listen(): Promise<void> {
    return listenHere(this.#server, RUNTIME_FILES.control);
  }

  /** Resolves when the first client has connected. */
  get firstClient(): Promise<void> {
    return this.#first.promise;
  }

  broadcast(event: VmmEvent): void {
    for (const socket of this.#clients) send(socket, event);
  }

  /** Resolves when the clients have everything that was sent, or do not take it. */
  async close(): Promise<void> {
    this.#server.close();
    await endAll(this.#clients, FLUSH_MS);
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
    const { id, ...call } = request.data;
    try {
      const result = await this.#domain.call(call);
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
