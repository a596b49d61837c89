import { appendFileSync, chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { FakeHost } from "./fake-host.testing.ts";
import { FILES } from "./files.ts";
import { findQemu } from "./qemu-process.ts";

const DOMID = 5;
const BACK_ENDS = `/local/domain/0/backend/qdisk/${DOMID}`;
const MODEL = `/local/domain/0/device-model/${DOMID}/state`;

/** A qcow2 image as far as anybody here looks. */
export const QCOW2 = Uint8Array.of(0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3);

/**
 * QEMU in two parts: a real process that does nothing, and this test's own process, which does in the store what QEMU
 * would while that process lives.
 */
export class FakeQemu implements AsyncDisposable {
  readonly program: string;
  /** What it says instead of serving a disk. */
  refusal: string | undefined;
  /** Whether it notices anything. */
  deaf = false;
  readonly #host: FakeHost;
  readonly #loop: Promise<void>;
  #stopped = false;

  constructor(host: FakeHost, script = "trap 'exit 0' TERM; while :; do sleep 0.02; done") {
    this.#host = host;
    mkdirSync(host.dir, { recursive: true });
    this.program = join(host.dir, "qemu");
    writeFileSync(this.program, `#!/bin/sh\n${script}\n`);
    chmodSync(this.program, 0o755);
    this.#loop = this.#run();
  }

  /** An image file of this name. */
  image(name: string, contents: Uint8Array = QCOW2): string {
    const path = join(this.#host.dir, name);
    writeFileSync(path, contents);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await this.#loop;
    const left = findQemu(this.#host.dir);
    if (left !== undefined) process.kill(left.pid, "SIGKILL");
  }

  async #run(): Promise<void> {
    for (; !this.#stopped; await sleep(5)) {
      if (this.deaf || !existsSync(this.#host.dir) || findQemu(this.#host.dir) === undefined) continue;
      const { store } = this.#host;
      if ((await store.read(MODEL)) === undefined) await store.write(MODEL, "running");
      for (const id of await store.list(BACK_ENDS)) await this.#serve(`${BACK_ENDS}/${id}`, id);
    }
  }

  async #serve(back: string, id: string): Promise<void> {
    const { store, dir } = this.#host;
    const state = await store.read(`${back}/state`);
    if (state === "1" && this.refusal !== undefined) {
      const text = `qemu: failed to create 'qdisk' device '${id}': ${this.refusal}\n`;
      appendFileSync(join(dir, FILES.qemuLog), text);
    } else if (state === "1") {
      await store.write(`${back}/state`, "2");
      await store.write(`${back}/sectors`, "8");
    } else if (state === "5") await store.remove(back);
  }
}
