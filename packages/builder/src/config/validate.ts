import { type ErrorCode, PvhError } from "@pvh/errors";
import type { z } from "zod";
import { type DeviceKind, deviceField, readDevice } from "./device.ts";
import { diskKind } from "./disk.ts";
import { GuestConfig, guestConfigKey } from "./guest-config.ts";
import { knownKey, whyNot } from "./known-keys.ts";
import { nearestKey } from "./nearest-key.ts";
import { shown } from "./shown.ts";
import { vifKind } from "./vif.ts";

/** One thing that is wrong with a config. */
export interface ConfigProblem {
  code: ErrorCode;
  key: string;
  /** Whether the key itself is the mistake, or its value. */
  about: "key" | "value";
  sentence: string;
  found?: string;
  allowed?: string;
  /** What is wrong inside of a list of devices. */
  device?: { index: number; option?: string | undefined; offset?: number | undefined };
}

/** So many problems are told; hostile input may have millions. */
const MOST_PROBLEMS = 8;

/** No key takes a longer list: what is beyond is not looked at. */
const LONGEST_LIST = 1024;

const deviceKinds: readonly DeviceKind[] = [diskKind, vifKind];

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
  const problems: ConfigProblem[] = [...misread];
  const known: [string, unknown][] = [];
  const order = new Map<string, number>();
  for (const [key, value] of Object.entries(raw)) {
    order.set(key, order.size);
    if (guestConfigKey(key) !== undefined) {
      known.push([key, Array.isArray(value) ? value.slice(0, LONGEST_LIST) : value]);
      continue;
    }
    if (isNone(key, value)) continue;
    if (problems.length < MOST_PROBLEMS) problems.push(foreignKey(key));
  }

  if (misread.length === 0) {
    const parsed = GuestConfig.safeParse(Object.fromEntries(known));
    if (parsed.success && problems.length === 0) return { config: parsed.data };
    const told = new Set<string>();
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
  const others = moreProblems(more, ({ key }) => shown(key).slice(1, -1));
  throw new PvhError(first.code, `${first.sentence}${others}`, problemDetails(first));
}

export function problemDetails({ key, device, found, allowed }: ConfigProblem) {
  const field = device === undefined ? key : deviceField(`${key}[${device.index}]`, device.option);
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
  const ofDevice = deviceProblem(issue, key, value);
  if (ofDevice !== undefined) return ofDevice;
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
  const why = otherType(key, value);
  return { ...problem, sentence: `${key} is ${shown(value)}${why}; it must be ${allowed}`, allowed };
}

/** What an issue inside of a list of devices is about, with the device's own words. */
function deviceProblem(issue: z.core.$ZodIssue, key: string, list: unknown): ConfigProblem | undefined {
  const kind = deviceKinds.find(({ name }) => name === key);
  const [, index, path] = issue.path;
  if (kind === undefined || typeof index !== "number" || !Array.isArray(list)) return undefined;
  const device: unknown = list[index];
  const read = readDevice(kind, device);
  if ("problem" in read) {
    const { code, sentence, option, offset, found, allowed } = read.problem;
    const told = { code, key, about: "value", found, allowed } as const;
    return { ...told, sentence: `${key}[${index}]: ${sentence}`, device: { index, option, offset } };
  }
  // The device is right; what is wrong is that it stands beside the others.
  const option = path === undefined ? undefined : String(path);
  const offset = read.offsets.get(option ?? "");
  return {
    code: "CONFIG_INVALID",
    key,
    about: "value",
    sentence: `${key}[${index}]: ${issue.message}`,
    found: shown(device),
    allowed: issue.code === "custom" ? String(issue.params?.allowed) : `another ${key}`,
    device: { index, option, offset },
  };
}

/** Why a value of another guest type is refused. */
function otherType(key: string, value: unknown): string {
  const asksForOther =
    (key === "type" && (value === "pv" || value === "hvm")) || (key === "pvh" && value === false);
  return asksForOther ? ", which asks for a guest of another type, and only PVH guests are started here" : "";
}
