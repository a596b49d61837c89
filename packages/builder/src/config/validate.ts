import { type ErrorCode, PvhError } from "@pvh/errors";
import type { z } from "zod";
import { readDevices } from "./devices.ts";
import { GuestConfig, guestConfigKey, xlActions } from "./guest-config.ts";
import { knownKey, whyNot } from "./known-keys.ts";
import { nearestKey } from "./nearest-key.ts";
import { shown } from "./shown.ts";

/** One thing that is wrong with a config. */
export interface ConfigProblem {
  code: ErrorCode;
  key: string;
  /** Whether the key itself is the mistake, or its value. */
  about: "key" | "value";
  sentence: string;
  found?: string;
  allowed?: string;
}

/** So many problems are told; hostile input may have millions. */
const MOST_PROBLEMS = 8;

/** An object without a schema's blessing yet. */
export type RawConfig = Record<string, unknown>;

/**
 * Checks a decoded config against the schema and the tables of keys.
 *
 * @param misread what is known to be wrong already; the schema is then not asked, because it would only repeat it.
 * @returns the config, or its problems in the order of the object's keys; required keys that are missing come last.
 */
export function checkGuestConfig(
  raw: RawConfig,
  misread: readonly ConfigProblem[] = [],
): { config: GuestConfig } | { problems: ConfigProblem[] } {
  const read = readDevices(raw);
  const problems: ConfigProblem[] = [...misread, ...read.problems];
  const known: [string, unknown][] = [];
  const order = new Map<string, number>();
  for (const [key, value] of Object.entries(read.config)) {
    order.set(key, order.size);
    if (guestConfigKey(key) !== undefined) {
      known.push([key, value]);
      continue;
    }
    if (isNone(key, value)) continue;
    if (problems.length < MOST_PROBLEMS) problems.push(foreignKey(key));
  }

  if (misread.length === 0) {
    const parsed = GuestConfig.safeParse(Object.fromEntries(known));
    if (parsed.success && problems.length === 0) return { config: parsed.data };
    const told = new Set(read.problems.map(({ key }) => key));
    for (const issue of parsed.error?.issues ?? []) {
      const problem = problemOf(issue, raw);
      if (!told.has(problem.key)) problems.push(problem);
      told.add(problem.key);
    }
  }
  const rank = ({ key }: ConfigProblem): number => order.get(key) ?? order.size;
  return { problems: problems.sort((a, b) => rank(a) - rank(b)) };
}

/**
 * A guest config from data that somebody else made: the body of a request, a stored file.
 *
 * @throws PvhError CONFIG_INVALID, CONFIG_KEY_UNKNOWN or CONFIG_KEY_UNSUPPORTED with field, found and allowed.
 */
export function validateGuestConfig(input: unknown): GuestConfig {
  if (!isRecord(input)) {
    throw new PvhError(
      "CONFIG_INVALID",
      `the guest config is ${shown(input)}; it must be an object of keys`,
      {
        found: shown(input),
        allowed: "an object",
      },
    );
  }
  const result = checkGuestConfig(input);
  if ("config" in result) return result.config;
  const [first, ...more] = result.problems;
  if (first === undefined) throw new Error("a config was refused without a problem");
  const { code, key, found, allowed } = first;
  const others = moreProblems(more, ({ key }) => shown(key).slice(1, -1));
  throw new PvhError(code, `${first.sentence}${others}`, problemDetails(key, found, allowed));
}

export function problemDetails(field: string, found: string | undefined, allowed: string | undefined) {
  return {
    field: field.length > 128 ? `${field.slice(0, 128)}...` : field,
    ...(found === undefined ? {} : { found }),
    ...(allowed === undefined ? {} : { allowed }),
  };
}

/** The tail of a message whose first problem is already told. */
export function moreProblems(more: ConfigProblem[], name: (problem: ConfigProblem) => string): string {
  if (more.length === 0) return "";
  const names = [...new Set(more.slice(0, MOST_PROBLEMS - 1).map(name))];
  const list = more.length < MOST_PROBLEMS ? names.join(", ") : `${names.join(", ")} and others`;
  return ` (more problems: ${list})`;
}

function isRecord(value: unknown): value is RawConfig {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `disk = []` asks for nothing, and generated configs are full of such lines. */
function isNone(key: string, value: unknown): boolean {
  return Array.isArray(value) && value.length === 0 && knownKey(key)?.emptyListIsNone === true;
}

function foreignKey(key: string): ConfigProblem {
  const known = knownKey(key);
  if (known !== undefined) {
    return {
      code: "CONFIG_KEY_UNSUPPORTED",
      key,
      about: "key",
      sentence: whyNot(known),
      found: key,
      allowed: known.emptyListIsNone ? `no ${key}, or an empty list` : `no ${key}`,
    };
  }
  const nearest = nearestKey(key);
  const name = shown(key);
  const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
  return {
    code: "CONFIG_KEY_UNKNOWN",
    key,
    about: "key",
    sentence: `the key ${name} is unknown${hint}`,
    found: name,
    allowed: nearest ?? "a key that docs/guest-config.md lists",
  };
}

function problemOf(issue: z.core.$ZodIssue, raw: RawConfig): ConfigProblem {
  const key = String(issue.path[0] ?? "");
  const value = Object.hasOwn(raw, key) ? raw[key] : undefined;
  const problem = { code: "CONFIG_INVALID", key, about: "value", found: shown(value) } as const;
  if (issue.code === "custom") {
    const params = issue.params;
    if (params?.code === "CONFIG_INVALID" || params?.code === "CONFIG_KEY_UNSUPPORTED") {
      return { ...problem, code: params.code, sentence: issue.message, allowed: String(params.allowed) };
    }
  }
  const allowed = guestConfigKey(key)?.allowed ?? "a value that the schema allows";
  if (value === undefined) {
    return { ...problem, sentence: `the key ${key} is missing; it must be ${allowed}`, allowed };
  }
  if (key.startsWith("on_") && xlActions.some((action) => action === value)) {
    return {
      ...problem,
      code: "CONFIG_KEY_UNSUPPORTED",
      sentence: `${key} is ${shown(value)}, an action that is not implemented yet; it must be ${allowed}`,
      allowed,
    };
  }
  const why = otherType(key, value);
  return { ...problem, sentence: `${key} is ${shown(value)}${why}; it must be ${allowed}`, allowed };
}

/** Why a value of another guest type is refused. */
function otherType(key: string, value: unknown): string {
  const asksForOther =
    (key === "type" && (value === "pv" || value === "hvm")) || (key === "pvh" && value === false);
  return asksForOther ? ", which asks for a guest of another type, and only PVH guests are started here" : "";
}
