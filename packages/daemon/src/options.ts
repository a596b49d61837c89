import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { PvhError } from "@pvh/errors";
import { type Address, DEFAULT_PORT, parseAddress } from "./transfer/address.ts";
import type { IdentityFiles } from "./transfer/identity.ts";

export interface DaemonOptions {
  /** Absolute path of the Unix socket. */
  socket: string;
  /** Absolute path of the directory with the database and the domains' runtime directories. */
  stateDir: string;
  backend: BackendChoice;
  /** Absent when no domain can come or go. */
  migration?: MigrationOptions;
}

export interface MigrationOptions {
  identity: IdentityFiles;
  /** Where domains of other hosts may come in; absent: they cannot. */
  listen?: Address;
}

export const backendChoices = ["auto", "kvm", "xen"] as const;
export type BackendChoice = (typeof backendChoices)[number];

export const usage = `usage: pvhd [--socket PATH] [--state DIR] [--backend auto|kvm|xen]
            [--migration-listen ADDR[:PORT]] [--tls-cert FILE --tls-key FILE --tls-ca FILE]

  --socket PATH  Unix socket of the API (also PVHD_SOCKET); its permissions are the authentication
                 default: /run/pvhd/pvhd.sock for root, else $XDG_RUNTIME_DIR/pvhd/pvhd.sock
  --state DIR    database and runtime directories of the domains
                 default: /var/lib/pvhd for root, else $XDG_STATE_HOME/pvhd (~/.local/state/pvhd)
  --backend NAME what runs the domains: xen in the control domain of a Xen host, else kvm
                 default: auto, which finds out
  --migration-listen ADDR[:PORT]
                 take domains that other hosts migrate here (port ${DEFAULT_PORT}); needs the three files
  --tls-cert FILE, --tls-key FILE, --tls-ca FILE
                 how pvhd proves to others who it is when domains are migrated, and who they have to be: this host's
                 certificate and its key, and the authority that has signed those of all hosts, in PEM
  --help         this text

SIGTERM and SIGINT end the daemon only: domains keep running, and the next pvhd finds them again.
`;

/** Returns undefined when the help text was asked for. */
export function readOptions(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  uid: number,
): DaemonOptions | undefined {
  const values = parse(args);
  if (values.help) return undefined;
  return {
    socket: resolve(values.socket ?? (env.PVHD_SOCKET || defaultSocket(env, uid))),
    stateDir: resolve(values.state ?? defaultStateDir(env, uid)),
    backend: chosenBackend(values.backend),
    ...migrationOptions(values),
  };
}

interface Values {
  socket?: string | undefined;
  state?: string | undefined;
  backend?: string | undefined;
  "migration-listen"?: string | undefined;
  "tls-cert"?: string | undefined;
  "tls-key"?: string | undefined;
  "tls-ca"?: string | undefined;
  help?: boolean | undefined;
}

function parse(args: readonly string[]): Values {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        socket: { type: "string" },
        state: { type: "string" },
        backend: { type: "string" },
        "migration-listen": { type: "string" },
        "tls-cert": { type: "string" },
        "tls-key": { type: "string" },
        "tls-ca": { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
    for (const option of ["socket", "state", "tls-cert", "tls-key", "tls-ca"] as const) {
      if (values[option] === "") throw new PvhError("USAGE", `--${option} is empty; give a path.`);
    }
    return values;
  } catch (cause) {
    if (cause instanceof PvhError) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new PvhError("USAGE", `${message}\n\n${usage}`);
  }
}

function chosenBackend(value = "auto"): BackendChoice {
  const chosen = backendChoices.find((choice) => choice === value);
  if (chosen !== undefined) return chosen;
  throw new PvhError("USAGE", `--backend is ${JSON.stringify(value)}; it must be auto, kvm or xen.`, {
    field: "--backend",
    found: value,
    allowed: backendChoices.join(", "),
  });
}

function migrationOptions(values: Values): { migration?: MigrationOptions } {
  const { "tls-cert": cert, "tls-key": key, "tls-ca": ca, "migration-listen": listen } = values;
  if (cert === undefined && key === undefined && ca === undefined && listen === undefined) return {};
  if (cert === undefined || key === undefined || ca === undefined) {
    const missing = Object.entries({ "--tls-cert": cert, "--tls-key": key, "--tls-ca": ca })
      .filter(([, file]) => file === undefined)
      .map(([option]) => option);
    throw new PvhError(
      "USAGE",
      `${missing.join(" and ")} must be given, too: migration needs all three files.`,
      {
        field: missing[0] ?? "",
        found: "nothing",
      },
    );
  }
  const identity = { cert: resolve(cert), key: resolve(key), ca: resolve(ca) };
  return { migration: { identity, ...(listen === undefined ? {} : { listen: listenAddress(listen) }) } };
}

function listenAddress(text: string): Address {
  const address = parseAddress(text);
  if (address !== undefined) return address;
  const allowed = "an address of this host, as 192.0.2.1:8002, [2001:db8::1]:8002 or 0.0.0.0";
  throw new PvhError("USAGE", `--migration-listen is ${JSON.stringify(text)}; it must be ${allowed}.`, {
    field: "--migration-listen",
    found: text,
    allowed,
  });
}

function defaultSocket(env: Readonly<Record<string, string | undefined>>, uid: number): string {
  if (uid === 0) return "/run/pvhd/pvhd.sock";
  return `${env.XDG_RUNTIME_DIR || `/run/user/${uid}`}/pvhd/pvhd.sock`;
}

function defaultStateDir(env: Readonly<Record<string, string | undefined>>, uid: number): string {
  if (uid === 0) return "/var/lib/pvhd";
  const base = env.XDG_STATE_HOME || (env.HOME ? `${env.HOME}/.local/state` : undefined);
  if (base === undefined) {
    throw new PvhError(
      "USAGE",
      "There is no place for the state: neither XDG_STATE_HOME nor HOME is set. Give a directory with --state.",
    );
  }
  return `${base}/pvhd`;
}
