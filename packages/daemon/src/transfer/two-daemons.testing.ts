import type { GuestConfigInput } from "@pvh/builder";
import { TestDaemon } from "../daemon.testing.ts";
import { TestAuthority } from "./certificates.testing.ts";
import { readIdentity } from "./identity.ts";
import type { Patience } from "./patience.ts";
import { Peers } from "./peers.ts";

/** Two daemons over simulators, which trust each other and speak over TLS on this machine. */
export class TwoDaemons implements AsyncDisposable {
  readonly authority = new TestAuthority();
  readonly source = new TestDaemon();
  readonly target = new TestDaemon();
  readonly peers: Record<"source" | "target", Peers>;
  readonly address = { host: "127.0.0.1", port: 0 };

  constructor(patience?: Patience) {
    const peers = (name: "source" | "target") =>
      new Peers(readIdentity(this.authority.issue(name)), (line) => this[name].lines.push(line), patience);
    this.peers = { source: peers("source"), target: peers("target") };
  }

  async start(): Promise<this> {
    await this.source.start({ peers: this.peers.source });
    await this.target.start({ peers: this.peers.target });
    const land = this.target.domains.receive.bind(this.target.domains);
    this.address.port = await this.peers.target.listen({ ...this.address, port: 0 }, land);
    return this;
  }

  /** A guest on the source. */
  async guest(changes: Partial<GuestConfigInput> = {}): Promise<string> {
    const { GuestConfig } = await import("@pvh/builder");
    const keys = { name: "guest", type: "pvh", kernel: this.source.kernel, ...changes };
    return (await this.source.domains.create(GuestConfig.parse(keys), false)).domain.uuid;
  }

  migrate(live = true) {
    return this.source.domains.migrate("guest", this.address, live);
  }

  /** On which of the two it runs, or is there. */
  running(): { source: string[]; target: string[] } {
    return { source: this.source.backend.running(), target: this.target.backend.running() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peers of Object.values(this.peers)) peers.close();
    await this.source[Symbol.asyncDispose]();
    await this.target[Symbol.asyncDispose]();
    this.authority[Symbol.dispose]();
  }
}
