import { XS } from "@pvh/abi";
import { acknowledged } from "./answers.ts";
import type { SendRequest } from "./request.ts";

export interface WatchesOptions {
  send: SendRequest;
  /** False when there is nothing left to stop. */
  alive: () => boolean;
  /** Told what a watch's callback has thrown. */
  failed: (error: unknown) => void;
}

/** The watches of one connection, found by their tokens. */
export class Watches {
  readonly #options: WatchesOptions;
  readonly #callbacks = new Map<string, (path: string) => void>();
  #nextToken = 0;

  constructor(options: WatchesOptions) {
    this.#options = options;
  }

  async add(path: string, changed: (path: string) => void): Promise<() => Promise<void>> {
    const token = `${this.#nextToken++}`;
    const strings = [path, token];
    // First, because the first event may come together with the reply.
    this.#callbacks.set(token, changed);
    try {
      const request = { type: XS.WATCH, verb: "watch", subject: path, strings };
      await this.#options.send(request, { parse: acknowledged });
    } catch (error) {
      this.#callbacks.delete(token);
      throw error;
    }
    return async () => {
      if (!this.#callbacks.delete(token) || !this.#options.alive()) return;
      const request = { type: XS.UNWATCH, verb: "stop watching", subject: path, strings };
      await this.#options.send(request, { parse: acknowledged, instead: { ENOENT: undefined } });
    };
  }

  /** An event of a watch that has been stopped meanwhile is nobody's. */
  fire(path: string, token: string): void {
    try {
      this.#callbacks.get(token)?.(path);
    } catch (error) {
      this.#options.failed(error);
    }
  }
}
