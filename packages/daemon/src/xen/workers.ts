import { Worker } from "node:worker_threads";
import { fromProblem, PvhError } from "@pvh/errors";
import type {
  TaskAnswer,
  TaskInput,
  TaskName,
  TaskNotices,
  TaskOutput,
  TaskRequest,
} from "./worker/tasks.ts";

/** Threads at most: as many calls may hang before the next one has to wait. */
const MOST = 16;
/** Idle threads that are kept. */
const KEPT = 4;
/** Long tasks, for which a thread keeps memory and compiled code: each goes to the last thread that has done one. */
const LONG: readonly TaskName[] = ["build", "restore"];

interface Job {
  request: TaskRequest;
  notices: TaskNotices;
  resolve: (output: unknown) => void;
  reject: (error: Error) => void;
}

/**
 * Worker threads that call the hypervisor. Each does one thing at a time; while one is busy another takes the next
 * task, so that a call which takes long, or never comes back, holds up nobody else.
 */
export class XenWorkers {
  /** Those that have done a long task last stand at the end. */
  readonly #idle: Worker[] = [];
  readonly #jobs = new Map<Worker, Job>();
  readonly #waiting: Job[] = [];
  #nextId = 1;
  #closed = false;

  run<Name extends TaskName>(
    name: Name,
    input: TaskInput<Name>,
    notices: TaskNotices = {},
  ): Promise<TaskOutput<Name>> {
    return new Promise((resolve, reject) => {
      const request = { id: this.#nextId++, name, input } as TaskRequest;
      const done = (output: unknown) => resolve(output as TaskOutput<Name>);
      this.#waiting.push({ request, notices, resolve: done, reject });
      this.#dispatch();
    });
  }

  /** A call that hangs keeps its thread, and with it nothing but the memory of that. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const worker of [...this.#idle, ...this.#jobs.keys()]) worker.unref();
    await Promise.all(this.#idle.splice(0).map((worker) => worker.terminate()));
  }

  #dispatch(): void {
    for (let job = this.#waiting.shift(); job !== undefined; job = this.#waiting.shift()) {
      const worker = (isLong(job) ? this.#idle.pop() : this.#idle.shift()) ?? this.#start();
      if (worker === undefined) {
        this.#waiting.unshift(job);
        return;
      }
      this.#jobs.set(worker, job);
      worker.ref();
      worker.postMessage(job.request);
    }
  }

  #start(): Worker | undefined {
    if (this.#jobs.size >= MOST) return undefined;
    // A loop device is opened there and closed here: a thread that ends must not close that number once more.
    const worker = new Worker(new URL(import.meta.resolve("@pvh/daemon/xen-worker")), {
      trackUnmanagedFds: false,
    });
    worker.on("message", (answer: TaskAnswer) => this.#answered(worker, answer));
    worker.on("error", (error) => this.#lost(worker, error));
    worker.on("exit", () => this.#lost(worker, new Error("The thread ended.")));
    return worker;
  }

  #answered(worker: Worker, answer: TaskAnswer): void {
    const job = this.#jobs.get(worker);
    if (job === undefined || answer.id !== job.request.id) return;
    if ("domid" in answer) {
      job.notices.created?.(answer.domid);
      return;
    }
    if ("wants" in answer) {
      job.notices.suspend?.();
      return;
    }
    this.#jobs.delete(worker);
    if (this.#closed || this.#idle.length >= KEPT) void worker.terminate();
    else {
      // What waits for nothing else must be able to end.
      worker.unref();
      if (isLong(job)) this.#idle.push(worker);
      else this.#idle.unshift(worker);
    }
    if ("problem" in answer) job.reject(fromProblem(answer.problem));
    else job.resolve(answer.output);
    this.#dispatch();
  }

  #lost(worker: Worker, cause: Error): void {
    const at = this.#idle.indexOf(worker);
    if (at >= 0) this.#idle.splice(at, 1);
    const job = this.#jobs.get(worker);
    if (job === undefined) return;
    this.#jobs.delete(worker);
    const text = `A thread that calls the hypervisor ended while it did ${job.request.name}.`;
    job.reject(new PvhError("INTERNAL", text, { cause }));
    this.#dispatch();
  }
}

function isLong({ request }: Job): boolean {
  return LONG.includes(request.name);
}
