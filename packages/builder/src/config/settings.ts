import type { PvhError } from "@pvh/errors";
import { guestConfigKey } from "./guest-config.ts";
import type { Assignment, ValueNode } from "./parser.ts";
import { errorAt, type Place } from "./source-text.ts";

/** The one value that a key has after all assignments. */
export interface Setting {
  key: string;
  keyPlace: Place;
  value: ValueNode;
}

/**
 * What a file and the arguments after it say together, in the order of first mention.
 *
 * `=` twice in the file is an error (xl silently takes the last); `=` in an argument replaces what stood before, and
 * the last argument wins. `+=` joins texts and appends to lists; with nothing before it is `=`.
 */
export function collectSettings(
  file: readonly Assignment[],
  overrides: readonly Assignment[],
): Map<string, Setting> {
  const settings = new Map<string, Setting>();
  for (const assignment of file) {
    const earlier = settings.get(assignment.key);
    if (earlier !== undefined && assignment.operator === "=") throw repeated(earlier, assignment);
    apply(settings, assignment);
  }
  for (const assignment of overrides) apply(settings, assignment);
  return settings;
}

function apply(settings: Map<string, Setting>, given: Assignment): void {
  const assignment = { ...given, value: asList(given) };
  const { key, keyPlace, operator, value } = assignment;
  const earlier = settings.get(key);
  if (operator === "+=") refuseSum(assignment);
  if (operator === "+=" && earlier !== undefined) {
    append(earlier, assignment);
  } else {
    // Each setting owns its list, so that += can push: copying it every time would make many += quadratic.
    const owned = value.kind === "list" ? { ...value, items: [...value.items] } : { ...value };
    settings.set(key, { key, keyPlace, value: owned });
  }
}

/** Shells eat brackets as they eat quotes: in an argument one bare text stands for a list of one. */
function asList({ key, value }: Assignment): ValueNode {
  const bare = value.kind !== "list" && value.place.source.kind === "argument";
  return bare && guestConfigKey(key)?.type === "list"
    ? { kind: "list", items: [value], place: value.place }
    : value;
}

/** `memory += 64` looks like a sum; xl would join the digits. */
function refuseSum({ key, value }: Assignment): void {
  const type = guestConfigKey(key)?.type ?? "string";
  const hasParts = type === "string" || type === "list" || type === "string or list";
  if (hasParts && value.kind !== "number") return;
  throw errorAt(
    "CONFIG_INVALID",
    value.place,
    `+= adds to texts and lists only, and ${key} is ${value.kind === "number" ? "given a number" : `of type ${type}`}; write ${key} = and the value`,
    {
      field: key,
      found: "+=",
      allowed: "=",
    },
  );
}

function append(setting: Setting, { key, value: added }: Assignment): void {
  const { value } = setting;
  if (value.kind === "string" && added.kind === "string") {
    value.text += added.text;
  } else if (value.kind === "list" && added.kind === "list") {
    for (const item of added.items) value.items.push(item);
  } else {
    const line = value.place.source.line(value.place.start);
    const where = value.place.source.kind === "file" ? `on line ${line}` : "in another argument";
    throw errorAt(
      "CONFIG_INVALID",
      added.place,
      `+= joins two texts or two lists, but ${key} is ${kindName(value)} (${where}) and this is ${kindName(added)}`,
      { field: key, found: kindName(added), allowed: value.kind === "number" ? "=" : kindName(value) },
    );
  }
}

function kindName({ kind }: ValueNode): string {
  return kind === "string" ? "a text" : `a ${kind}`;
}

function repeated({ keyPlace: first }: Setting, { key, keyPlace: second }: Assignment): PvhError {
  const line = first.source.line(first.start);
  const again = second.source.line(second.start);
  return errorAt(
    "CONFIG_INVALID",
    second,
    `the key ${key} is set on line ${line} and again on line ${again}; keep one of them, or use += to add to the first`,
    { field: key, found: `${key} on lines ${line} and ${again}`, allowed: `${key} once` },
  );
}
