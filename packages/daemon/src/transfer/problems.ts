import { fromProblem, type Problem, PvhError } from "@pvh/errors";

/** @param what completes "The pvhd at PEER" */
export function peerFailed(peer: string, what: string, cause?: unknown): PvhError {
  return new PvhError("MIGRATION_PEER", `The pvhd at ${peer} ${what}.`, {
    field: "host",
    found: peer,
    cause,
  });
}

/** The failure that the other side tells of: its code, its details and its causes. */
export function peerSays(peer: string, problem: Problem): PvhError {
  const { code, message, details, cause } = fromProblem(problem);
  return new PvhError(code, `The pvhd at ${peer} says: ${message}`, {
    ...details,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Whether nobody knows where a domain runs. */
export function isUndecided(error: unknown): boolean {
  return error instanceof PvhError && error.code === "MIGRATION_UNDECIDED";
}

/** It was permitted to run there, and nobody knows whether it does. */
export function undecided(peer: string, cause: unknown): PvhError {
  return new PvhError(
    "MIGRATION_UNDECIDED",
    `The domain stays paused here: it may run at ${peer}, which was told to let it run and has not answered. Look there (pvhctl list): if it is there, destroy it here; if not, unpause it here.`,
    { field: "state", found: "unknown", cause },
  );
}
