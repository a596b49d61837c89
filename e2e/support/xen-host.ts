import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { type Domain, type DomainRequest, PvhClient } from "@pvh/client";
import { patience } from "./patience.ts";
import { type Daemon, startPvhd } from "./programs.ts";

/** For suites that run in the control domain of a Xen host. */

const execute = promisify(execFile);
/** For guests that take a second or two where nothing is slow. */
const GUEST_MS = 15_000 * patience;

/** Why they cannot run here, or undefined when they can. */
export function noXen(): string | undefined {
  try {
    if (readFileSync("/proc/xen/capabilities", "utf8").includes("control_d")) return undefined;
  } catch {
    // No Xen, or a guest of one.
  }
  return "This is not the control domain (dom0) of a Xen host. On an emulated one: npm run e2e:xen";
}

/** What is known of a guest that has ended. */
export interface GuestEnd {
  reason: string | undefined;
  /** What it printed through port 0xe9, which is in Xen's own log; lines longer than 79 characters are in pieces. */
  output: string;
}

/** A pvhd of its own, for guests that run one after the other. */
export class XenGuests {
  readonly client: PvhClient;
  readonly socket: string;
  /** For files of whoever uses it. */
  readonly folder: string;
  readonly #daemon: Daemon;

  private constructor(folder: string, daemon: Daemon) {
    this.folder = folder;
    this.socket = daemon.socket;
    this.client = new PvhClient(daemon.socket);
    this.#daemon = daemon;
  }

  static async start(): Promise<XenGuests> {
    const folder = mkdtempSync(join(tmpdir(), "pvh-xen-"));
    return new XenGuests(folder, await startPvhd(folder));
  }

  /** Ends and forgets all domains. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      for (const { uuid } of await this.client.listDomains()) await this.client.deleteDomain(uuid);
    } finally {
      await this.#daemon.stop();
      rmSync(this.folder, { recursive: true, force: true });
    }
  }

  /** Creates a guest that is not started again when it ends. */
  async create(request: DomainRequest): Promise<Domain> {
    const ends = { on_reboot: "destroy", on_crash: "destroy" } as const;
    return (await this.client.createDomain({ ...ends, ...request })).domain;
  }

  /** A guest that does not end is destroyed: it may keep the processor from everybody else. */
  async end({ uuid, name, domid }: Domain): Promise<GuestEnd> {
    for (const deadline = performance.now() + GUEST_MS; performance.now() < deadline; await sleep(200)) {
      const { exit } = await this.client.getDomain(uuid);
      if (exit != null) return { reason: exit.reason, output: printed(await takeMessages(), domid) };
    }
    await this.client.act(uuid, "destroy");
    const messages = await takeMessages();
    throw new Error(
      `${name} has not ended within ${GUEST_MS / 1000} s. Xen's log:\n${messages.slice(-4000)}`,
    );
  }

  async run(request: DomainRequest): Promise<GuestEnd> {
    return this.end(await this.create(request));
  }

  /** What the guest has printed through port 0xe9 so far. */
  async output({ domid }: Domain): Promise<string> {
    return printed((await execute("xl", ["dmesg"])).stdout, domid);
  }

  /** What it has printed on its PV console. */
  async console({ uuid }: Domain): Promise<string> {
    return new TextDecoder().decode(await this.client.getConsoleLog(uuid));
  }
}

/** What Xen has said since the last time, as far as it keeps that. */
async function takeMessages(): Promise<string> {
  return (await execute("xl", ["dmesg", "-c"])).stdout;
}

function printed(messages: string, domid: number | null | undefined): string {
  const sign = `(d${domid}) `;
  const lines = messages.split("\n").filter((line) => line.startsWith(sign));
  return lines.map((line) => `${line.slice(sign.length)}\n`).join("");
}
