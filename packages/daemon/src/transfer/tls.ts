import { connect, createServer, type Server, type TLSSocket } from "node:tls";
import { PvhError } from "@pvh/errors";
import { type Address, addressText } from "./address.ts";
import type { Identity } from "./identity.ts";
import { peerFailed } from "./problems.ts";

/** Both sides show a certificate of the authority's, or there is no connection. */
const MUTUAL = { minVersion: "TLSv1.3", requestCert: true, rejectUnauthorized: true } as const;

/** More than anybody needs; each costs some kilobytes. */
const MOST_CONNECTIONS = 64;

/**
 * A connection to a pvhd whose certificate is for that host.
 *
 * @throws PvhError MIGRATION_PEER
 */
export function connectPeer(address: Address, identity: Identity, ms: number): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const socket = connect({ ...address, ...identity, ...MUTUAL });
  const timer = setTimeout(() => socket.destroy(new Error(`No connection in ${ms / 1000} s.`)), ms);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  socket.once("secureConnect", () => resolve(socket));
  socket.once("error", (cause) => {
    reject(
      peerFailed(
        addressText(address),
        "cannot be reached; check the address, that it runs with --migration-listen, and both hosts' certificates",
        cause,
      ),
    );
  });
  return promise.finally(() => clearTimeout(timer));
}

const KEEP_ALIVE_MS = 30_000;

/**
 * Listens for other daemons.
 *
 * @throws PvhError DAEMON_STATE
 */
export async function listenForPeers(
  address: Address,
  identity: Identity,
  ms: number,
  connected: (socket: TLSSocket) => void,
  log: (line: string) => void,
): Promise<Server> {
  const server = createServer({ ...identity, ...MUTUAL, handshakeTimeout: ms });
  server.maxConnections = MOST_CONNECTIONS;
  server.on("secureConnection", (socket) => {
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    connected(socket);
  });
  server.on("tlsClientError", (error, socket) => {
    log(`a connection from ${socket.remoteAddress ?? "?"} for migration was refused: ${error.message}`);
    socket.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => reject(cannotListen(address, cause)));
    server.listen(address.port, address.host, resolve);
  });
  // What it fails with later concerns a connection that is not there yet.
  server.on("error", (error) => log(`a connection for migration failed: ${error.message}`));
  return server;
}

function cannotListen(address: Address, cause: unknown): PvhError {
  const where = addressText(address);
  return new PvhError(
    "DAEMON_STATE",
    `pvhd cannot listen on ${where} for migrations; give an address of this host and a free port with --migration-listen.`,
    { field: "--migration-listen", found: where, cause },
  );
}
