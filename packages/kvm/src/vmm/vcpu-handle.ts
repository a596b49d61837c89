import { Worker } from "node:worker_threads";
import { kvmRun } from "@pvh/abi";
import { fromProblem, PvhError } from "@pvh/errors";
import { kick, viewOf } from "../host/libc.ts";
import { REQUEST, VCPU_STATE, VcpuControl } from "../shared/vcpu-control.ts";
import type { GuestEnd, VcpuMessage, VcpuSetup } from "../vcpu/setup.ts";

/** How long a vCPU may take to follow a request: far more than a kick needs on a busy host. */
const PATIENCE_MS = 5000;

/** The worker's entry: beside this file in the source tree, beside the bundle in `dist`. */
function workerEntry(): URL {
  const source = import.meta.url.endsWith(".ts");
  return new URL(source ? "../vcpu/worker.ts" : "./vcpu.mjs", import.meta.url);
}

/** A vCPU as the main thread sees it. The worker starts at once, and waits for {@link VcpuHandle.load}. */
export class VcpuHandle {
  readonly control: VcpuControl;
  readonly controlBuffer = new SharedArrayBuffer(VcpuControl.size);
  /** The vCPU has left the guest for good: by the guest's doing when there is an end, else because it was stopped. */
  readonly ended: Promise<GuestEnd | undefined>;
  readonly #worker: Worker;
  readonly #ready: Promise<number[]>;
  #run: Uint8Array<ArrayBuffer> | undefined;

  constructor() {
    this.control = new VcpuControl(this.controlBuffer);
    this.#worker = new Worker(workerEntry());
    const ready = Promise.withResolvers<number[]>();
    const ended = Promise.withResolvers<GuestEnd | undefined>();
    this.#ready = ready.promise;
    this.ended = ended.promise;
    const fail = (error: Error) => {
      ready.reject(error);
      ended.reject(error);
    };
    this.#worker.on("message", (message: VcpuMessage) => {
      if (message.kind === "ready") ready.resolve(message.refusedMsrs);
      else if (message.kind === "ended") ended.resolve(message.end);
      else fail(fromProblem(message.problem));
    });
    this.#worker.on("error", fail);
    this.#worker.on("exit", () => fail(new PvhError("INTERNAL", "The thread of a vCPU ended unexpectedly.")));
    // Awaited later, if at all.
    this.#ready.catch(() => {});
    this.ended.catch(() => {});
  }

  /** Gives the vCPU its first state. It enters the guest when {@link ask}ed to run. Returns the MSRs that the host refused. */
  load(setup: VcpuSetup): Promise<number[]> {
    const run = setup.runs[setup.index];
    if (run !== undefined) this.#run = new Uint8Array(viewOf(run));
    this.control.ask(REQUEST.pause);
    this.#worker.postMessage(setup);
    return this.#ready;
  }

  /** This thread's view of the kvm_run page, once the vCPU is loaded. */
  get runPage(): Uint8Array<ArrayBuffer> | undefined {
    return this.#run;
  }

  /** Sets the request and makes the vCPU notice, wherever it is. */
  ask(request: number): void {
    this.control.ask(request);
    if (request === REQUEST.run) return;
    // In this order: see VcpuThread.
    if (this.#run !== undefined) Atomics.store(this.#run, kvmRun.immediate_exit, 1);
    const { tid } = this.control;
    if (tid !== 0) kick(tid);
  }

  async pause(): Promise<void> {
    this.ask(REQUEST.pause);
    await this.#follow("pause", [VCPU_STATE.paused, VCPU_STATE.ended]);
  }

  async stop(): Promise<void> {
    this.ask(REQUEST.stop);
    await this.#follow("stop", [VCPU_STATE.ended]);
  }

  async #follow(what: string, states: number[]): Promise<void> {
    if (this.control.tid === 0) return;
    if (await this.control.reached(states, PATIENCE_MS)) return;
    throw new PvhError("INTERNAL", `A vCPU did not ${what} within ${PATIENCE_MS} ms.`);
  }
}
