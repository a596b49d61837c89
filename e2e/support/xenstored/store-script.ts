import { XS } from "@pvh/abi";
import type { StoreTestClient } from "./store-client.ts";
import type { StoreServer } from "./store-servers.ts";

const names = new Map<number, string>(Object.entries(XS).map(([name, type]) => [type, name]));

/**
 * Runs requests of several clients against one server and writes down every reply and event, so that the records of
 * two servers can be compared. After each request, all clients are asked for the events that it has caused.
 */
export class StoreScript {
  readonly record: string[] = [];
  readonly #server: StoreServer;
  readonly #clients = new Map<string, StoreTestClient>();

  constructor(server: StoreServer) {
    this.#server = server;
  }

  /** Adds a client; its name is its domain id, or the id and a letter when a domain has several. */
  async join(name: string): Promise<Actor> {
    const client = await this.#server.connect(Number.parseInt(name, 10));
    this.#clients.set(name, client);
    await this.#barrier();
    return new Actor(name, (type, payload, transaction) =>
      this.#step(name, client, type, payload, transaction),
    );
  }

  note(text: string): void {
    this.record.push(`# ${text}`);
  }

  leave(name: string): void {
    this.#clients.get(name)?.close();
    this.#clients.delete(name);
  }

  /** The domain goes; its client must have left. */
  async release(domid: number): Promise<void> {
    this.note(`domain ${domid} goes`);
    await this.#server.release(domid);
    await this.#barrier();
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
  }

  async #step(
    name: string,
    client: StoreTestClient,
    type: number,
    payload: string,
    transaction: number,
  ): Promise<string> {
    const reply = await client.request(type, payload, transaction);
    const request = `${name}> ${names.get(type) ?? type} tx=${transaction} ${JSON.stringify(payload.slice(0, 200))}`;
    const answer =
      reply === undefined
        ? "closed"
        : `${names.get(reply.type) ?? reply.type} tx=${reply.transactionId} ${JSON.stringify(reply.payload)}`;
    this.record.push(`${request} -> ${answer}`);
    await this.#barrier();
    return reply?.payload ?? "";
  }

  /** Events come before the reply to whatever is asked after their cause. */
  async #barrier(): Promise<void> {
    for (const [name, client] of this.#clients) {
      await client.request(XS.GET_DOMAIN_PATH, "0\0");
      for (const { payload } of client.takeEvents()) {
        this.record.push(`    ${name}< event ${JSON.stringify(payload)}`);
      }
    }
  }
}

/** One client's requests; strings get their NULs here. */
export class Actor {
  readonly name: string;
  readonly raw: (type: number, payload: string, transaction?: number) => Promise<string>;

  constructor(name: string, step: (type: number, payload: string, transaction: number) => Promise<string>) {
    this.name = name;
    this.raw = (type, payload, transaction = 0) => step(type, payload, transaction);
  }

  directory(path: string, transaction = 0): Promise<string> {
    return this.raw(XS.DIRECTORY, `${path}\0`, transaction);
  }
  directoryPart(path: string, offset: string): Promise<string> {
    return this.raw(XS.DIRECTORY_PART, `${path}\0${offset}\0`);
  }
  read(path: string, transaction = 0): Promise<string> {
    return this.raw(XS.READ, `${path}\0`, transaction);
  }
  write(path: string, value: string, transaction = 0): Promise<string> {
    return this.raw(XS.WRITE, `${path}\0${value}`, transaction);
  }
  mkdir(path: string, transaction = 0): Promise<string> {
    return this.raw(XS.MKDIR, `${path}\0`, transaction);
  }
  rm(path: string, transaction = 0): Promise<string> {
    return this.raw(XS.RM, `${path}\0`, transaction);
  }
  getPerms(path: string, transaction = 0): Promise<string> {
    return this.raw(XS.GET_PERMS, `${path}\0`, transaction);
  }
  setPerms(path: string, permissions: readonly string[], transaction = 0): Promise<string> {
    const strings = [path, ...permissions].map((text) => `${text}\0`);
    return this.raw(XS.SET_PERMS, strings.join(""), transaction);
  }
  watch(path: string, token: string): Promise<string> {
    return this.raw(XS.WATCH, `${path}\0${token}\0`);
  }
  unwatch(path: string, token: string): Promise<string> {
    return this.raw(XS.UNWATCH, `${path}\0${token}\0`);
  }
  /** The new transaction's id, 0 when it was refused. */
  async start(): Promise<number> {
    return Number.parseInt(await this.raw(XS.TRANSACTION_START, "\0"), 10) || 0;
  }
  end(transaction: number, how = "T"): Promise<string> {
    return this.raw(XS.TRANSACTION_END, `${how}\0`, transaction);
  }
}
