import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { XS } from "@pvh/abi";
import { encodeMessage, introduceDomain, releaseDomain, Store, StoreConnection } from "@pvh/kvm/xenstore";
import { eventually } from "../processes.ts";
import { StoreTestClient } from "./store-client.ts";

/** Domains with an id below exist for both servers. */
export const EXISTING_DOMAINS = 4;

/** A store on Unix sockets, for {@link StoreTestClient}s. */
export interface StoreServer {
  /** A connection with the rights of domain 0, or the one connection of another domain, which is introduced for it. */
  connect(domid: number): Promise<StoreTestClient>;
  /** The domain is gone; another one with the same id exists. Its client has to be closed. */
  release(domid: number): Promise<void>;
  stop(): Promise<void>;
}

/** Serves our store in `folder`. */
export function startOwnStore(folder: string): StoreServer {
  const store = new Store();
  for (let domid = 0; domid < EXISTING_DOMAINS; domid++) store.domains.add(domid, store.generation);
  const servers: Server[] = [];
  const serve = (domid: number): Promise<string> => {
    const path = join(folder, `own-${domid}-${servers.length}`);
    const server = createServer((socket) => {
      const connection = new StoreConnection(store, domid, (message) => {
        socket.write(encodeMessage(message));
      });
      socket.on("data", (bytes) => {
        if (!connection.receive(bytes)) socket.destroy();
      });
      socket.on("error", () => {});
      socket.on("close", () => connection.close());
    });
    servers.push(server);
    return new Promise((resolve) => void server.listen(path, () => resolve(path)));
  };
  return {
    async connect(domid) {
      if (domid !== 0) introduceDomain(store, domid);
      return StoreTestClient.connect(await serve(domid));
    },
    async release(domid) {
      releaseDomain(store, domid);
      store.domains.add(domid, store.generation);
    },
    async stop() {
      for (const server of servers) server.close();
    },
  };
}

const xenstored = "/usr/lib/xen-4.17/bin/xenstored";
const shim = join(import.meta.dirname, "fake-xen.c");

/** Why Xen's own xenstored cannot be started here, or undefined when it can. */
export function noXenstored(): string | undefined {
  if (!existsSync(xenstored)) return `${xenstored} is missing: install xen-utils-4.17`;
  try {
    execFileSync("cc", ["-fsyntax-only", shim], { stdio: "pipe" });
    return undefined;
  } catch {
    return `${shim} does not compile: install a C compiler and libxen-dev`;
  }
}

/** Starts Xen's C xenstored in `folder`, without Xen: what it asks of Xen is answered by a preloaded library. */
export async function startRealXenstored(folder: string): Promise<StoreServer> {
  const library = join(folder, "fake-xen.so");
  execFileSync("cc", ["-O2", "-shared", "-fPIC", "-o", library, shim], { stdio: "pipe" });
  const child = spawn(xenstored, ["--no-fork"], {
    env: {
      ...process.env,
      LD_PRELOAD: library,
      FAKE_XEN_DIR: folder,
      FAKE_XEN_DOMAINS: `${EXISTING_DOMAINS}`,
      XENSTORED_RUNDIR: folder,
      XENSTORED_PATH: join(folder, "socket"),
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  let output = "";
  child.stderr.on("data", (text) => {
    output += text;
  });
  await eventually(async () => {
    if (child.exitCode !== null) throw new Error(`xenstored ended at once:\n${output}`);
    return listens(join(folder, "socket"));
  }, "xenstored listens");
  const control = async (type: number, payload: string) => {
    const client = await StoreTestClient.connect(join(folder, "socket"));
    const reply = await client.request(type, payload);
    client.close();
    if (reply?.type !== type) throw new Error(`xenstored refuses request ${type}: ${reply?.payload}`);
  };
  return {
    async connect(domid) {
      if (domid === 0) return StoreTestClient.connect(join(folder, "socket"));
      await control(XS.INTRODUCE, `${domid}\0${1}\0${1}\0`);
      return StoreTestClient.connect(join(folder, `domain-${domid}`));
    },
    release: (domid) => control(XS.RELEASE, `${domid}\0`),
    async stop() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function listens(path: string): Promise<boolean> {
  try {
    (await StoreTestClient.connect(path)).close();
    return true;
  } catch {
    return false;
  }
}
