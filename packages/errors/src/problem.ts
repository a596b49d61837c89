import { type ErrorDetails, PvhError } from "./pvh-error.ts";
import { errorCodes, isErrorCode } from "./registry.ts";
import { printable } from "./shown.ts";

/** An RFC 9457 problem document: how an error crosses a process or network boundary. */
export interface Problem {
  /** `urn:pvh:error:CODE` */
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  field?: string;
  offset?: number;
  found?: string;
  allowed?: string;
  line?: number;
  column?: number;
  excerpt?: string;
  /** Messages of the cause chain, outermost first. */
  causes?: string[];
}

export function toProblem(error: unknown): Problem {
  const known = asPvhError(error);
  const { title, status } = errorCodes[known.code];
  const { found, allowed, ...rest } = known.details;
  const causes = causeMessages(known);
  return {
    type: `urn:pvh:error:${known.code}`,
    title,
    status,
    detail: known.message,
    code: known.code,
    ...rest,
    ...(found === undefined ? {} : { found: String(found) }),
    ...(allowed === undefined ? {} : { allowed: String(allowed) }),
    ...(causes.length === 0 ? {} : { causes }),
  };
}

/** The reverse of {@link toProblem}: the cause chain comes back as plain errors. */
export function fromProblem(problem: Problem): PvhError {
  const code = isErrorCode(problem.code) ? problem.code : "INTERNAL";
  const details: ErrorDetails = {};
  for (const key of ["field", "offset", "found", "allowed", "line", "column", "excerpt"] as const) {
    if (problem[key] !== undefined) Object.assign(details, { [key]: problem[key] });
  }
  const cause = (problem.causes ?? []).reduceRight<Error | undefined>(
    (inner, message) => new Error(message, inner === undefined ? undefined : { cause: inner }),
    undefined,
  );
  return new PvhError(code, problem.detail, cause === undefined ? details : { ...details, cause });
}

/** Any thrown value as a `PvhError`; what is not one is a defect and becomes INTERNAL. */
export function asPvhError(error: unknown): PvhError {
  if (error instanceof PvhError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new PvhError("INTERNAL", `Unexpected failure: ${message}`, { cause: error });
}

/** Messages of the causes below `error`, outermost first. */
export function causeMessages(error: Error): string[] {
  const messages: string[] = [];
  let cause: unknown = error.cause;
  while (cause !== undefined && messages.length < 16) {
    messages.push(cause instanceof Error ? cause.message : String(cause));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return messages;
}

/**
 * How a terminal or a log shows an error: `error CODE: message`, the excerpt, then one indented line for each cause.
 * Messages repeat paths and other words of strangers: none of them begins a line or reaches the terminal as a command.
 */
export function formatError(error: unknown): string {
  const known = asPvhError(error);
  const lines = [`error ${known.code}: ${printable(known.message)}`];
  if (known.details.excerpt !== undefined) lines.push(...known.details.excerpt.split("\n").map(printable));
  for (const message of causeMessages(known)) lines.push(`  because: ${printable(message)}`);
  return lines.join("\n");
}
