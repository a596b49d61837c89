import { setTimeout as sleep } from "node:timers/promises";
import { PvhError } from "@pvh/errors";
import { isAlive, type ProcessIdentity } from "@pvh/kvm";
import type { XenStore } from "@pvh/xenctl-ffi";
import { untilLogged } from "./bounded-log.ts";
import type { DevicePaths } from "./device-nodes.ts";
import { endQemu, findQemu, hasOpen, lastWords, logSize, startQemu } from "./qemu-process.ts";
import { requireQemu } from "./qemu-program.ts";
import { homeOf } from "./store-nodes.ts";
import { XENBUS } from "./xenbus.ts";

const POLL_MS = 20;
/** As libxl: LIBXL_DEVICE_MODEL_START_TIMEOUT. */
const START_MS = 60_000;
const SERVE_MS = 10_000;
const RELEASE_MS = 10_000;
/** How QEMU begins to say that it cannot serve a disk. It writes no node about it. */
const REFUSAL = "failed to create ";

export interface QdiskOwner {
  domid: number;
  /** The domain's runtime directory, which may be renamed. */
  dir: () => string;
  /** The QEMU that the guest's config names. */
  program?: string | undefined;
}

/** The QEMU that is the back end of those disks of a domain which the host's kernel cannot serve. */
export class QdiskServer {
  readonly #store: XenStore;
  readonly #owner: QdiskOwner;
  #over = false;
  /** Where in the log the words of the running QEMU begin, as far as it was started here. */
  #begun = 0;

  constructor(store: XenStore, owner: QdiskOwner) {
    this.#store = store;
    this.#owner = owner;
  }

  get running(): boolean {
    return this.#process !== undefined;
  }

  /**
   * Starts QEMU unless it runs, and waits until it looks after the domain.
   *
   * @param target of the disk that needs it
   * @throws PvhError HOST_UNSUPPORTED, FILE_UNREADABLE, XEN_DEVICE, or VMM_DIED when the domain is over meanwhile
   */
  async start(target: string): Promise<void> {
    const { domid, dir } = this.#owner;
    const since = logSize(dir());
    const qemu = this.#process ?? (await this.#launch(target));
    await this.#until(qemu, START_MS, since, "is not ready", async () => {
      return (await this.#store.read(`${this.#model}/state`)) === "running";
    });
    // By this `xl destroy` ends it, and `xl block-attach` uses it.
    await this.#store.transaction(async (view) => {
      if ((await view.read(`${homeOf(domid)}/vm`)) === undefined) return;
      await view.write(`${homeOf(domid)}/image/device-model-pid`, `${qemu.pid}`);
    });
  }

  /**
   * Waits until QEMU offers a disk whose nodes were written.
   *
   * @param write writes them
   * @throws PvhError XEN_DEVICE with what QEMU says
   */
  async serve(target: string, write: () => Promise<DevicePaths>): Promise<DevicePaths> {
    const { dir } = this.#owner;
    const since = logSize(dir());
    const qemu = this.#process;
    const paths = await write();
    await this.#until(qemu, SERVE_MS, since, `cannot serve ${target}`, async () => {
      const read = (node: string) => this.#store.read(`${paths.back}/${node}`);
      const [state, sectors] = await Promise.all([read("state"), read("sectors")]);
      // It waits for the guest at once, and then finds out whether it can serve the disk.
      const waits = Number(state) >= XENBUS.initWait && Number(state) <= XENBUS.connected;
      if (waits && sectors !== undefined) return true;
      if (lastWords(dir(), since).some((line) => line.includes(REFUSAL))) {
        throw this.#failed(`cannot serve ${target}`, since);
      }
      return false;
    });
    return paths;
  }

  /**
   * Waits until QEMU has closed the image, because only then all of it is in the file, and has removed the nodes of its
   * back end, because it would also remove those of the next disk there.
   */
  async untilReleased(target: string, { back }: DevicePaths): Promise<void> {
    const qemu = this.#process;
    if (qemu === undefined) return;
    for (
      const deadline = performance.now() + RELEASE_MS;
      performance.now() < deadline;
      await sleep(POLL_MS)
    ) {
      const state = await this.#store.read(`${back}/state`);
      if (!isAlive(qemu) || (state === undefined && !(await hasOpen(qemu, target)))) return;
    }
  }

  /** Ends QEMU, which has nothing to do. */
  async stop(): Promise<void> {
    const { domid, dir } = this.#owner;
    await endQemu(dir());
    await this.#store.remove(this.#model);
    await this.#store.remove(`${homeOf(domid)}/image`);
  }

  /** The domain is over: no QEMU is started any more, and nobody waits for one. */
  close(): void {
    this.#over = true;
  }

  /** Ends QEMU with the domain. */
  async end(): Promise<void> {
    this.close();
    await endQemu(this.#owner.dir());
  }

  get #process(): ProcessIdentity | undefined {
    return findQemu(this.#owner.dir());
  }

  get #model(): string {
    return `${homeOf(0)}/device-model/${this.#owner.domid}`;
  }

  async #launch(target: string): Promise<ProcessIdentity> {
    const { domid, dir, program } = this.#owner;
    const path = await requireQemu(program, target);
    // Of one that has died.
    await this.#store.remove(this.#model);
    this.#refuseOver();
    this.#begun = logSize(dir());
    return startQemu(dir(), path, domid);
  }

  async #until(
    qemu: ProcessIdentity | undefined,
    milliseconds: number,
    since: number,
    what: string,
    ready: () => Promise<boolean>,
  ): Promise<void> {
    for (const deadline = performance.now() + milliseconds; !(await ready()); await sleep(POLL_MS)) {
      this.#refuseOver();
      if (qemu === undefined || !isAlive(qemu)) {
        await untilLogged(this.#owner.dir());
        throw this.#failed("has ended", this.#begun);
      }
      if (performance.now() > deadline) throw this.#failed(`${what} after ${milliseconds / 1000} s`, since);
    }
  }

  #refuseOver(): void {
    if (!this.#over) return;
    throw new PvhError("VMM_DIED", `The domain ${this.#owner.domid} has ended.`, {
      field: "state",
      found: "ended",
    });
  }

  #failed(what: string, since: number): PvhError {
    const words = lastWords(this.#owner.dir(), since);
    const last = words.at(-1);
    return new PvhError("XEN_DEVICE", `QEMU ${what}: ${last ?? "it says nothing about it"}.`, {
      field: "disk",
      ...(last === undefined ? {} : { found: last, cause: new Error(words.join("\n")) }),
    });
  }
}
