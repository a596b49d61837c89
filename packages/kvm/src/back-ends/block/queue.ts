import { blkifResponse64 } from "@pvh/abi";
import type { EventPort } from "../host.ts";
import type { BackRing } from "../ring.ts";
import type { ServedDisk } from "./disk-io.ts";
import { execute } from "./execute.ts";
import type { RequestLayout } from "./layout.ts";
import { type Request, readRequest, releaseRequest } from "./request.ts";
import type { GuestAccess } from "./segments.ts";

const { id: ID, operation: OPERATION, status: STATUS } = blkifResponse64.fields;
/** Bytes of a response that mean something: the same in both protocols. */
const RESPONSE_SIZE = 12;

export interface QueueParts {
  readonly ring: BackRing;
  readonly layout: RequestLayout;
  readonly disk: ServedDisk;
  readonly access: GuestAccess;
  /** Called when the front end breaks the protocol. The queue does nothing more then. */
  readonly violated: (message: string) => void;
}

/** One ring of a block device: takes requests, has them done in any order, answers each once. */
export class BlockQueue {
  readonly #parts: QueueParts;
  readonly #port: EventPort;
  /** Requests that are being done; the ring bounds them. */
  #running = 0;
  /** A barrier that waits until nothing runs, or one that runs alone. Nothing more is taken meanwhile. */
  #barrier: { request: Request; started: boolean } | undefined;
  #stopped = false;
  #working = false;
  #scheduled = false;
  #idle: () => void = () => undefined;

  /**
   * @param bind makes the port; undefined when there is none like this.
   * @throws Error with a sentence for the error node.
   */
  constructor(parts: QueueParts, bind: (notified: () => void) => EventPort | undefined) {
    const port = bind(() => this.work());
    if (port === undefined) throw new Error("the event channel cannot be bound");
    this.#parts = parts;
    this.#port = port;
    // The front end may have asked for something before there was a port.
    this.#workLater();
  }

  /** Takes and starts what there is. */
  work(): void {
    if (this.#stopped || this.#working) return;
    this.#working = true;
    this.#takeAll();
    this.#parts.disk.io.submit();
    this.#working = false;
    this.settle();
  }

  /** Makes the answers visible. */
  settle(): void {
    if (this.#stopped || this.#working) return;
    if (this.#parts.ring.push()) this.#port.notify();
  }

  /** Takes and answers nothing more. Resolves when no memory of the guest is used any more. */
  stop(): Promise<void> {
    this.#stopped = true;
    this.#port.close();
    if (this.#barrier !== undefined && !this.#barrier.started) {
      releaseRequest(this.#parts.access, this.#barrier.request);
      this.#barrier = undefined;
    }
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }

  /** Other work of the event loop gets its turn: a guest can always add requests while we look. */
  #workLater(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.work();
    });
  }

  #takeAll(): void {
    const { ring, layout, disk, access, violated } = this.#parts;
    for (let looks = 0; looks < ring.size && this.#barrier === undefined; looks++) {
      const waiting = ring.waiting();
      if (waiting < 0) {
        this.#stopped = true;
        violated("the ring's index of requests is beyond its end");
        return;
      }
      if (waiting === 0) {
        if (ring.finalCheck()) continue;
        return;
      }
      ring.take();
      this.#accept(readRequest(ring.request, layout, disk.limits, access));
    }
    if (this.#barrier === undefined) this.#workLater();
  }

  #accept(request: Request): void {
    if (request.barrier) this.#barrier = { request, started: false };
    if (!request.barrier) this.#start(request);
    else if (this.#running === 0) this.#startBarrier();
  }

  #startBarrier(): void {
    if (this.#barrier === undefined || this.#barrier.started) return;
    this.#barrier.started = true;
    this.#start(this.#barrier.request);
  }

  #start(request: Request): void {
    this.#running++;
    if (request.steps.length === 0) this.#ended(request);
    else execute(this.#parts.disk, request, (ended) => this.#ended(ended));
  }

  #ended(request: Request): void {
    this.#running--;
    releaseRequest(this.#parts.access, request);
    if (this.#stopped) {
      if (this.#running === 0) this.#idle();
      return;
    }
    this.#respond(request);
    if (request.barrier) {
      this.#barrier = undefined;
      this.#workLater();
    } else if (this.#running === 0) {
      this.#startBarrier();
    }
  }

  #respond({ id, operation, status }: Request): void {
    const { ring } = this.#parts;
    ring.response.setUint32(ID.offset, id.low, true);
    ring.response.setUint32(ID.offset + 4, id.high, true);
    ring.response.setUint8(OPERATION.offset, operation);
    ring.response.setInt16(STATUS.offset, status, true);
    ring.respond(RESPONSE_SIZE);
  }
}
