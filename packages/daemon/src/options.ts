import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { PvhError } from "@pvh/errors";

export interface DaemonOptions {
  /** Absolute path of the Unix socket. */
  socket: string;
  /** Absolute path of the directory with the database and the domains' runtime directories. */
  stateDir: string;
  backend: BackendChoice;
}

export const backendChoices = ["auto", "kvm", "xen"] as const;
export type BackendChoice = (typeof backendChoices)[number];

export const usage = `usage: pvhd [--socket PATH] [--state DIR] [--backend auto|kvm|xen]

  --socket PATH  Unix socket of the API (also PVHD_SOCKET); its permissions are the authentication
                 default: /run/pvhd/pvhd.sock for root, else $XDG_RUNTIME_DIR/pvhd/pvhd.sock
  --state DIR    database and runtime directories of the domains
                 default: /var/lib/pvhd for root, else $XDG_STATE_HOME/pvhd (~/.local/state/pvhd)
  --backend NAME what runs the domains: xen in the control domain of a Xen host, else kvm
                 default: auto, which finds out
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
  };
}

function parse(args: readonly string[]): {
  socket?: string | undefined;
  state?: string | undefined;
  backend?: string | undefined;
  help?: boolean | undefined;
} {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        socket: { type: "string" },
        state: { type: "string" },
        backend: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
    for (const option of ["socket", "state"] as const) {
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
