import { type ErrorDetails, PvhError } from "@pvh/errors";
import type { z } from "zod";
import type { DescribedKey, ProblemParams } from "./key.ts";
import { nearestWord } from "./nearest-word.ts";
import { shown } from "./shown.ts";

/** What is wrong with one device. `sentence` begins in lower case and does not name the device. */
export interface DeviceProblem extends ProblemParams {
  sentence: string;
  found: string;
  /** The option that it is about. */
  option?: string | undefined;
  /** Where in the device's text it stands, in UTF-16 units. */
  offset?: number | undefined;
}

/** A device's text as the object that says the same, and where in the text each option's value stands. */
export interface DeviceText {
  options: Record<string, unknown>;
  offsets: Map<string, number>;
}

/** A kind of device in a guest config: each is a text in xl's syntax, or an object with xl's options. */
export interface DeviceKind<Options extends z.ZodType = z.ZodType> {
  readonly name: string;
  /** Of the object form. */
  readonly options: Options;
  readonly keys: readonly DescribedKey[];
  /** Options of xl that are refused by name, and why. */
  readonly foreign: Readonly<Record<string, string>>;
  readonly readText: (text: string) => DeviceText | { problem: DeviceProblem };
}

export type ReadDevice<Options> =
  | { options: Options; offsets: Map<string, number> }
  | { problem: DeviceProblem };

/** One device from either form; the first problem when there are several. */
export function readDevice<Options extends z.ZodType>(
  kind: DeviceKind<Options>,
  input: unknown,
): ReadDevice<z.output<Options>> {
  const read = typeof input === "string" ? kind.readText(input) : { options: input, offsets: new Map() };
  if ("problem" in read) return read;
  const { options, offsets } = read;
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    const found = shown(options);
    const allowed = "a text as in xl, or an object of options";
    return {
      problem: { code: "CONFIG_INVALID", sentence: `it is ${found}; it must be ${allowed}`, found, allowed },
    };
  }
  const parsed = kind.options.safeParse(options);
  if (parsed.success) return { options: parsed.data, offsets };
  // A misspelt option is told before the one that is missing for it.
  const { issues } = parsed.error;
  const issue = issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0];
  if (issue === undefined) throw new Error("a device was refused without an issue");
  const problem = problemOf(kind, issue, new Map(Object.entries(options)));
  return { problem: { ...problem, offset: offsets.get(problem.option ?? "") } };
}

/**
 * @param name how messages call the device
 * @throws PvhError CONFIG_INVALID or CONFIG_KEY_UNSUPPORTED
 */
export function requireDevice<Options extends z.ZodType>(
  kind: DeviceKind<Options>,
  input: unknown,
): z.output<Options> {
  const read = readDevice(kind, input);
  if ("options" in read) return read.options;
  const { code, sentence, option, found, allowed } = read.problem;
  const details: ErrorDetails = { field: deviceField(kind.name, option), found, allowed };
  throw new PvhError(code, `${kind.name}: ${sentence}`, details);
}

/** `disk[1].vdev` */
export function deviceField(device: string, option: PropertyKey | undefined): string {
  return option === undefined ? device : `${device}.${String(option)}`;
}

/** Why a device cannot have this option. */
export function foreignOption(kind: DeviceKind, option: string): DeviceProblem {
  const why = Object.hasOwn(kind.foreign, option) ? kind.foreign[option] : undefined;
  const found = shown(option);
  if (why !== undefined) {
    const sentence = `the option ${option} is not supported: ${why}`;
    return { code: "CONFIG_KEY_UNSUPPORTED", sentence, option, found, allowed: `no ${option}` };
  }
  const names = kind.keys.map(({ name }) => name);
  const nearest = nearestWord(option, names);
  const hint = nearest === undefined ? `; known are ${names.join(", ")}` : `; did you mean ${nearest}?`;
  const sentence = `the option ${found} is unknown${hint}`;
  return {
    code: "CONFIG_INVALID",
    sentence,
    option: cut(option),
    found,
    allowed: nearest ?? names.join(", "),
  };
}

function cut(name: string): string {
  return name.length > 64 ? `${name.slice(0, 64)}...` : name;
}

function problemOf(kind: DeviceKind, issue: z.core.$ZodIssue, values: Map<string, unknown>): DeviceProblem {
  if (issue.code === "unrecognized_keys") return foreignOption(kind, issue.keys[0] ?? "");
  const option = String(issue.path[0] ?? "");
  const value = values.get(option);
  const found = shown(value);
  const base = { option, found };
  if (issue.code === "custom" && issue.params !== undefined) {
    const { code, allowed } = issue.params;
    if (code === "CONFIG_INVALID" || code === "CONFIG_KEY_UNSUPPORTED") {
      return { ...base, code, sentence: issue.message, allowed: String(allowed) };
    }
  }
  const allowed = kind.keys.find(({ name }) => name === option)?.allowed ?? "a value that the schema allows";
  const sentence =
    value === undefined
      ? `the option ${option} is missing; it must be ${allowed}`
      : `${option} is ${found}; it must be ${allowed}`;
  return { ...base, code: "CONFIG_INVALID", sentence, allowed };
}

/** Reports what is wrong with a device among the others. */
export type Report = (index: number, option: string, sentence: string, params: ProblemParams) => void;

/** What a codec's `decode` is told its problems by. */
interface DecodeContext {
  issues: z.core.$ZodRawIssue[];
}

/**
 * The `decode` of a key that holds devices: each may be written in either form, and all come out in one.
 *
 * @param finish judges the devices together
 */
export function decodeDevices<Options extends z.ZodType, Device>(
  kind: DeviceKind<Options>,
  finish: (devices: z.output<Options>[], report: Report) => Device[],
): (items: readonly unknown[], ctx: DecodeContext) => Device[] {
  return (items, ctx) => {
    const report = (path: PropertyKey[], message: string, { code, allowed }: ProblemParams) =>
      ctx.issues.push({ code: "custom", path, message, params: { code, allowed }, input: items });
    const devices: z.output<Options>[] = [];
    for (const [index, item] of items.entries()) {
      const read = readDevice(kind, item);
      if ("options" in read) devices.push(read.options);
      else report([index], read.problem.sentence, read.problem);
    }
    if (devices.length < items.length) return [];
    return finish(devices, (index, option, sentence, params) => report([index, option], sentence, params));
  };
}
