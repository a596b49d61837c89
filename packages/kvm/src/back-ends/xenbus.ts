import { type DeviceKind, type DevicePaths, removeDevice } from "../xenstore/device-nodes.ts";
import type { BackEndHost } from "./host.ts";
import { nextStep, parseState, type Step, XENBUS } from "./xenbus-step.ts";

export { XENBUS };

/**
 * What is particular to a kind of device. All calls are synchronous unless they return a promise; an exception means
 * a violated protocol or a failure: the device is closed with its message in the error node.
 */
export interface BackEndDriver {
  /** Front end states that mean that its ring and event channel nodes are there. */
  readonly connectAt: readonly number[];
  /** Nodes of the back end's directory, published before state InitWait, again in each cycle. */
  offer(): Record<string, string>;
  /**
   * Maps the rings and binds the ports that the front end's nodes name; what `front` reads is hostile. Returns nodes
   * to publish before state Connected. When it throws it has released what it took: no {@link disconnect} follows.
   */
  connect(front: (name: string) => string | undefined): Record<string, string>;
  /**
   * The front end is gone, or the device is taken away: stops using guest memory and ports now; I/O in flight has
   * ended when the promise resolves. Called once for each successful {@link connect}.
   */
  disconnect(): Promise<void>;
}

export interface BackEndDevice {
  /** Our XenbusState. */
  readonly state: number;
  /** Resolves when the device has been removed and uses nothing any more. */
  readonly closed: Promise<void>;
  /** For the driver: the front end broke the protocol. Writes the error node, disconnects and closes. Never throws. */
  fail(message: string): void;
  /**
   * Takes the device away: asks the front end to close, waits for it at most `timeoutMs` (default 10 s, as libxl),
   * then removes the nodes of both ends. With `force`, or when nothing is connected, without asking.
   */
  remove(options?: { force?: boolean; timeoutMs?: number }): Promise<void>;
}

/** Runs the back end's half of the device's state machine. `paths` exist: see addDevice. */
export function startBackEnd(
  host: BackEndHost,
  kind: DeviceKind,
  id: number,
  paths: DevicePaths,
  makeDriver: (device: BackEndDevice) => BackEndDriver,
): BackEndDevice {
  return new Device(host, `${kind} ${id}`, paths, makeDriver);
}

const REMOVE_TIMEOUT_MS = 10_000;
const MAX_MESSAGE = 500;
/** Front ends see each state and act on it; more steps in a row than this are a defect here. */
const MAX_STEPS = 8;

class Device implements BackEndDevice {
  readonly closed: Promise<void>;
  readonly #host: BackEndHost;
  readonly #name: string;
  readonly #paths: DevicePaths;
  readonly #driver: BackEndDriver;
  readonly #unwatch: () => void;
  #state: number = XENBUS.initialising;
  #connected = false;
  #failed = false;
  #leaving = false;
  /** While the driver disconnects, nothing else happens. */
  #disconnecting: Promise<void> | undefined;
  #removed = false;
  #resolveClosed: () => void = () => undefined;
  /** Called when state Closed is reached. */
  #resting: () => void = () => undefined;

  constructor(
    host: BackEndHost,
    name: string,
    paths: DevicePaths,
    makeDriver: (device: BackEndDevice) => BackEndDriver,
  ) {
    this.#host = host;
    this.#name = name;
    this.#paths = paths;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.#driver = makeDriver(this);
    this.#update();
    this.#unwatch = host.store.watch(`${paths.front}/state`, () => this.#frontChanged());
  }

  get state(): number {
    return this.#state;
  }

  fail(message: string): void {
    if (this.#removed || this.#failed) return;
    this.#failed = true;
    try {
      const text = `${this.#name}: ${message}`.replace(/[^ -~]/g, "?").slice(0, MAX_MESSAGE);
      this.#host.store.write(`${this.#paths.back}/error`, text);
      this.#setState(XENBUS.closing);
    } catch {
      // Only the report is lost: what matters is that guest memory is let go.
    }
    this.#close();
  }

  async remove(options: { force?: boolean; timeoutMs?: number } = {}): Promise<void> {
    const { force = false, timeoutMs = REMOVE_TIMEOUT_MS } = options;
    if (this.#removed || (this.#leaving && !force)) return this.closed;
    if (this.#connected && !force) await this.#askToClose(timeoutMs);
    // Somebody may have lost patience meanwhile.
    if (this.#removed) return this.closed;
    this.#removed = true;
    this.#unwatch();
    this.#resting();
    this.#disconnect();
    await this.#disconnecting;
    removeDevice(this.#host.store, this.#paths);
    this.#resolveClosed();
  }

  /** Until the front end has closed, or the time is over, or somebody removes the device by force. */
  async #askToClose(timeoutMs: number): Promise<void> {
    this.#leaving = true;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#resting = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#host.store.transaction((client) => {
        client.write(`${this.#paths.back}/online`, "0");
        client.write(`${this.#paths.back}/state`, `${XENBUS.closing}`);
      });
      this.#state = XENBUS.closing;
    });
  }

  #frontChanged(): void {
    // States between may have passed unseen: who writes after a failure has ended wants to try again.
    if (this.#state === XENBUS.closed) this.#failed = false;
    this.#update();
  }

  #update(): void {
    try {
      for (let i = 0; i < MAX_STEPS; i++) {
        const step = this.#next();
        if (step === undefined) return;
        this.#take(step);
      }
      this.fail("the back end finds no rest");
    } catch (cause) {
      this.fail(cause instanceof Error ? cause.message : String(cause));
    }
  }

  #next(): Step | undefined {
    if (this.#removed || this.#disconnecting !== undefined) return undefined;
    const front = parseState(this.#host.store.read(`${this.#paths.front}/state`));
    const startsAnew = front === XENBUS.initialising || front === XENBUS.closed || front === XENBUS.unknown;
    if (startsAnew) this.#failed = false;
    return nextStep({
      state: this.#state,
      front,
      connected: this.#connected,
      failed: this.#failed,
      leaving: this.#leaving,
      connectAt: this.#driver.connectAt,
    });
  }

  #take(step: Step): void {
    if (step === "offer") {
      this.#host.store.remove(`${this.#paths.back}/error`);
      this.#setState(XENBUS.initWait, this.#driver.offer());
    } else if (step === "connect") {
      const nodes = this.#driver.connect((name) => this.#host.store.read(`${this.#paths.front}/${name}`));
      this.#connected = true;
      // The driver may have found something wrong already, and have called fail.
      if (this.#failed) this.#close();
      else this.#setState(XENBUS.connected, nodes);
    } else if (step === "closing") {
      this.#setState(XENBUS.closing);
    } else {
      this.#close();
    }
  }

  /** Nodes and state become visible at once: front ends read the nodes when they see the state. */
  #setState(state: number, nodes: Readonly<Record<string, string>> = {}): void {
    this.#state = state;
    this.#host.store.transaction((client) => {
      for (const [name, value] of Object.entries(nodes)) client.write(`${this.#paths.back}/${name}`, value);
      client.write(`${this.#paths.back}/state`, `${state}`);
    });
  }

  #close(): void {
    this.#disconnect();
    if (this.#disconnecting === undefined) this.#rest();
  }

  #rest(): void {
    if (this.#removed) return;
    try {
      this.#setState(XENBUS.closed);
    } catch {
      this.#state = XENBUS.closed;
    }
    this.#resting();
  }

  #disconnect(): void {
    if (!this.#connected) return;
    this.#connected = false;
    const ended = () => {
      this.#disconnecting = undefined;
      this.#rest();
      this.#update();
    };
    // Deferred by a turn, since the driver may be in the middle of handling a request when it calls fail.
    this.#disconnecting = Promise.resolve()
      .then(() => this.#driver.disconnect())
      .then(ended, ended);
  }
}
