import { type ErrorDetails, PvhError } from "@pvh/errors";

/** @param why completes "The file" */
export function notSaved(why: string, details: ErrorDetails = {}): PvhError {
  return new PvhError("SAVED_FORMAT", `The file ${why}; give one that pvhctl save or xl save has written.`, {
    field: "file",
    ...details,
  });
}

/** @param what stands where it should go on */
export function endsEarly(what: string, offset: number, size: number): PvhError {
  return new PvhError(
    "SAVED_TRUNCATED",
    `The file ends in its ${what}: it has ${size} bytes, and something of it is missing; copy or save it again.`,
    { field: "file", offset, found: `${size} bytes` },
  );
}

/** @param why completes "The saved domain" */
export function otherVersion(why: string, details: ErrorDetails = {}): PvhError {
  return new PvhError("SAVED_VERSION", `The saved domain ${why}.`, { field: "file", ...details });
}

/** @param why completes "The saved domain is damaged:" */
export function damaged(why: string, offset: number, details: ErrorDetails = {}): PvhError {
  return new PvhError("SAVED_FORMAT", `The saved domain is damaged: ${why}; copy or save it again.`, {
    field: "file",
    offset,
    ...details,
  });
}
