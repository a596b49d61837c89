import { netifRxRequest, netifTxRequest } from "@pvh/abi";
import type { BackEndHost, EventPort } from "../host.ts";
import { BackRing } from "../ring.ts";
import type { FrontEnd } from "./front-end.ts";
import { GrantCopy } from "./grant-copy.ts";
import { MulticastFilter } from "./multicast.ts";
import type { PacketPort } from "./packet-port.ts";
import { type Rate, RateLimit } from "./rate-limit.ts";
import { Receiver } from "./receive.ts";
import { Transmitter } from "./transmit.ts";

/** How often a front end that does not tell is asked whether it has given receive buffers. */
const LOOK_AGAIN_MS = 30;
/** Packets that waited so long for receive buffers are of no use any more. */
const PATIENCE_MS = 10_000;
/** What an interface of the host queues at most, by default. */
const HOST_QUEUE = 1000;

export interface ConnectionParts {
  host: BackEndHost;
  port: PacketPort;
  front: FrontEnd;
  rate: Rate | undefined;
  /** The front end broke the protocol. Nothing is done for it any more. */
  violated(what: string): void;
}

/** One connection of a front end: rings, event channels, and when which of them is looked at. */
export class Connection {
  readonly #port: PacketPort;
  readonly #front: FrontEnd;
  readonly #transmitter: Transmitter;
  readonly #receiver: Receiver;
  readonly #readiness: ReturnType<PacketPort["listen"]>;
  /** How to give back what was taken, last first. */
  readonly #releases: (() => void)[] = [];
  /** A turn of the transmitter that is to come. */
  #immediate: NodeJS.Immediate | undefined;
  #credit: NodeJS.Timeout | undefined;
  #lookAgain: NodeJS.Timeout | undefined;
  /** Runs while a packet waits for receive buffers. */
  #patience: NodeJS.Timeout | undefined;
  #ended = false;

  /** @throws Error when the guest has not granted a ring, or has no such port. */
  constructor({ host, port, front, rate, violated }: ConnectionParts) {
    this.#port = port;
    this.#front = front;
    try {
      const multicast = new MulticastFilter(front.multicastControl);
      const common = { grants: new GrantCopy(host), port, multicast, violated: this.#violation(violated) };
      const transmitRing = this.#attach(host, "tx-ring-ref", front.transmitRing, netifTxRequest.size);
      const receiveRing = this.#attach(host, "rx-ring-ref", front.receiveRing, netifRxRequest.size);
      const split = front.transmitPort !== front.receivePort;
      const transmitPort = this.#bind(host, front.transmitPort, () => {
        this.#transmit();
        if (!split) this.#buffersGiven();
      });
      const receivePort = split
        ? this.#bind(host, front.receivePort, () => this.#buffersGiven())
        : transmitPort;
      this.#transmitter = new Transmitter({
        ...common,
        ring: transmitRing,
        rate: rate === undefined ? undefined : new RateLimit(rate),
        notify: () => transmitPort.notify(),
      });
      this.#receiver = new Receiver({
        ...common,
        ring: receiveRing,
        front,
        notify: () => receivePort.notify(),
      });
    } catch (error) {
      this.#release();
      throw error;
    }
    port.setOffloads({
      checksum: front.checksum4 || front.checksum6,
      tcp4: front.segments4,
      tcp6: front.segments6,
    });
    this.#receiver.discard(HOST_QUEUE);
    this.#readiness = port.listen(() => this.#receive());
    port.setCarrier(true);
    // There may be requests already whose notification came before we were there.
    this.#transmitSoon();
  }

  end(): void {
    if (!this.#ended) this.#stop();
    this.#port.setCarrier(false);
    this.#port.setOffloads({ checksum: false, tcp4: false, tcp6: false });
    this.#release();
  }

  #stop(): void {
    this.#ended = true;
    this.#readiness.close();
    clearImmediate(this.#immediate);
    clearTimeout(this.#credit);
    this.#endWaiting();
  }

  #violation(violated: (what: string) => void): (what: string) => void {
    return (what) => {
      this.#stop();
      violated(what);
    };
  }

  #attach(host: BackEndHost, node: string, ref: number, entrySize: number): BackRing {
    const gpa = host.grants.begin(ref, true);
    if (gpa < 0) throw new Error(`the guest has not granted the page of ${node}, ${ref}`);
    this.#releases.push(() => host.grants.end(ref, true));
    const ring = BackRing.attach(host.memory, [gpa], entrySize);
    if (ring === undefined) throw new Error(`the page of ${node}, ${ref}, is not RAM`);
    return ring;
  }

  #bind(host: BackEndHost, remotePort: number, notified: () => void): EventPort {
    const port = host.bindInterdomain(remotePort, () => {
      if (!this.#ended) notified();
    });
    if (port === undefined) throw new Error(`the guest has no event channel ${remotePort} for the back end`);
    this.#releases.push(() => port.close());
    return port;
  }

  #release(): void {
    for (const release of this.#releases.splice(0).reverse()) release();
  }

  #transmit(): void {
    // What is to come looks at everything; before that there is nothing to gain.
    if (this.#immediate !== undefined || this.#credit !== undefined) return;
    const rest = this.#transmitter.run();
    if (this.#ended) return;
    if (rest === "more") this.#transmitSoon();
    else if (rest !== "none") {
      this.#credit = setTimeout(() => {
        this.#credit = undefined;
        this.#transmit();
      }, Math.ceil(rest));
    }
  }

  #transmitSoon(): void {
    this.#immediate = setImmediate(() => {
      this.#immediate = undefined;
      this.#transmit();
    });
  }

  #buffersGiven(): void {
    if (this.#patience !== undefined) this.#receive();
  }

  #receive(): void {
    if (this.#ended) return;
    const rest = this.#receiver.run();
    if (this.#ended) return;
    if (rest === "waits" || rest === "ended") this.#readiness.pause();
    else this.#readiness.resume();
    if (rest === "waits") this.#beginWaiting();
    else this.#endWaiting();
  }

  #beginWaiting(): void {
    if (this.#patience !== undefined) return;
    this.#patience = setTimeout(() => {
      this.#endWaiting();
      this.#receiver.discard(HOST_QUEUE);
      this.#receive();
    }, PATIENCE_MS);
    if (this.#front.notifiesReceive) return;
    this.#lookAgain = setInterval(() => this.#receive(), LOOK_AGAIN_MS);
  }

  #endWaiting(): void {
    clearTimeout(this.#patience);
    clearInterval(this.#lookAgain);
    this.#patience = undefined;
  }
}
