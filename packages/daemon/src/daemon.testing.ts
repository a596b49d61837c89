import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Domains, type DomainsOptions } from "./domains.ts";
import { SimulatorBackend } from "./simulator/backend.ts";
import { openStore, type Store } from "./store.ts";

/** Everything of a daemon but its process, over the simulator, in a directory of its own. */
export class TestDaemon implements AsyncDisposable {
  readonly stateDir = mkdtempSync(join(tmpdir(), "pvhd-test-"));
  readonly kernel = join(this.stateDir, "kernel");
  readonly backend: SimulatorBackend;
  readonly lines: string[] = [];
  #store: Store | undefined;
  #domains: Domains | undefined;

  /** @param backend whose refusals the simulator is to have */
  constructor(backend?: string) {
    this.backend = new SimulatorBackend(backend);
    writeFileSync(this.kernel, "");
  }

  get store(): Store {
    if (this.#store === undefined) throw new Error("not started");
    return this.#store;
  }

  get domains(): Domains {
    if (this.#domains === undefined) throw new Error("not started");
    return this.#domains;
  }

  async start(options: Partial<DomainsOptions> = {}): Promise<this> {
    this.#store = openStore(join(this.stateDir, "pvhd.db"));
    this.#domains = await Domains.open({
      store: this.#store,
      backend: this.backend,
      stateDir: this.stateDir,
      hostBoot: "boot-1",
      log: (line) => this.lines.push(line),
      restartInterval: 20,
      ...options,
    });
    return this;
  }

  /** Drops the daemon as kill -9 does: nothing is waited for, nothing is written any more. */
  async crash(): Promise<void> {
    this.#store?.close();
    this.#store = undefined;
    // Otherwise it would go on to act on what happens to its domains.
    void this.#domains?.close();
    this.#domains = undefined;
  }

  async restart(options: Partial<DomainsOptions> = {}): Promise<this> {
    await this.crash();
    return this.start(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#domains?.close();
    this.#store?.close();
    rmSync(this.stateDir, { recursive: true, force: true });
  }
}
