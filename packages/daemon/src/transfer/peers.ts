import type { Server } from "node:net";
import type { TLSSocket } from "node:tls";
import { PvhError } from "@pvh/errors";
import { type Address, addressText } from "./address.ts";
import type { Identity } from "./identity.ts";
import { Link } from "./link.ts";
import { PATIENCE, type Patience } from "./patience.ts";
import { peerFailed } from "./problems.ts";
import { type Arrival, receive, refuse } from "./receiver.ts";
import { Sender, type Transfer } from "./sender.ts";
import { connectPeer, listenForPeers } from "./tls.ts";

/** In either direction: each has a thread of its own, which waits for the memory or for the network. */
const MOST = 4;

/** Connections to other daemons, in both directions. */
export class Peers {
  readonly #identity: Identity;
  readonly #log: (line: string) => void;
  readonly #patience: Patience;
  readonly #links = new Set<Link>();
  #server: Server | undefined;
  #arrivals = 0;
  #departures = 0;

  constructor(identity: Identity, log: (line: string) => void, patience: Patience = PATIENCE) {
    this.#identity = identity;
    this.#log = log;
    this.#patience = patience;
  }

  /** @throws PvhError MIGRATION_PEER, or DOMAIN_STATE when enough are under way */
  async connect(address: Address): Promise<Transfer> {
    if (this.#departures >= MOST) throw enough();
    this.#departures++;
    const left = () => {
      this.#departures--;
    };
    const socket = await connectPeer(address, this.#identity, this.#patience.hello).catch(
      (error: unknown) => {
        left();
        throw error;
      },
    );
    socket.once("close", left);
    return new Sender(this.#link(socket, addressText(address)));
  }

  /**
   * Takes domains that come from now on.
   *
   * @param land as `receive` has it
   * @returns the port
   */
  async listen(address: Address, land: (arrival: Arrival) => Promise<void>): Promise<number> {
    const server = await listenForPeers(
      address,
      this.#identity,
      this.#patience.hello,
      (socket) => void this.#take(socket, land),
      this.#log,
    );
    this.#server = server;
    const bound = server.address();
    return typeof bound === "object" && bound !== null ? bound.port : address.port;
  }

  /** Breaks off what is under way, but for what is decided already. */
  close(): void {
    this.#server?.close();
    for (const link of this.#links) if (!link.decisive) link.destroy();
  }

  async #take(socket: TLSSocket, land: (arrival: Arrival) => Promise<void>): Promise<void> {
    const { remoteAddress: host = "?", remotePort: port = 0 } = socket;
    const link = this.#link(socket, addressText({ host, port }));
    this.#arrivals++;
    try {
      if (this.#arrivals > MOST) await refuse(link, busy(link));
      else await receive(link, land, this.#log);
    } finally {
      this.#arrivals--;
      link.destroy();
    }
  }

  #link(socket: TLSSocket, peer: string): Link {
    const link = new Link(socket, peer, this.#patience);
    this.#links.add(link);
    socket.once("close", () => this.#links.delete(link));
    return link;
  }
}

function busy({ peer }: Link): PvhError {
  return peerFailed(peer, `is one too many: ${MOST} domains are taken at once; try again later`);
}

function enough(): PvhError {
  return new PvhError("DOMAIN_STATE", `${MOST} domains are on their way already; wait for one of them.`, {
    field: "state",
    found: `${MOST} migrations`,
  });
}
