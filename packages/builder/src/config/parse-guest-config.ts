import { PvhError } from "@pvh/errors";
import { coerceValue, plainValue } from "./coerce.ts";
import { type GuestConfig, guestConfigKey } from "./guest-config.ts";
import { parseOverride } from "./overrides.ts";
import { parseConfigText, type ValueNode } from "./parser.ts";
import { collectSettings, type Setting } from "./settings.ts";
import { errorAt, type Place } from "./source-text.ts";
import {
  type ConfigProblem,
  checkGuestConfig,
  moreProblems,
  problemDetails,
  type RawConfig,
} from "./validate.ts";

export interface ParseOptions {
  /** Only for messages. */
  filename?: string;
  /** Arguments `key=value` or `key+=value`; they win over the text. */
  overrides?: readonly string[];
}

/**
 * The config that an xl.cfg text and the arguments after it ask for. Paths stay as written.
 *
 * @throws PvhError CONFIG_SYNTAX, CONFIG_INVALID, CONFIG_KEY_UNKNOWN or CONFIG_KEY_UNSUPPORTED, with line, column and
 *   excerpt wherever there is a place to point at.
 */
export function parseGuestConfig(text: string, options: ParseOptions = {}): GuestConfig {
  const { filename, overrides = [] } = options;
  const file = parseConfigText(text, filename);
  const settings = collectSettings(file.assignments, overrides.map(parseOverride));

  const misread: ConfigProblem[] = [];
  const entries: [string, unknown][] = [];
  for (const { key, value } of settings.values()) {
    const info = guestConfigKey(key);
    if (info === undefined) {
      entries.push([key, plainValue(value)]);
      continue;
    }
    const coerced = coerceValue(key, info, value);
    entries.push([key, "value" in coerced ? coerced.value : undefined]);
    if ("sentence" in coerced) {
      misread.push({ code: "CONFIG_INVALID", key, about: "value", allowed: info.allowed, ...coerced });
    }
  }
  const raw: RawConfig = Object.fromEntries(entries);
  const result = checkGuestConfig(raw, misread);
  if ("config" in result) return result.config;
  throw problemsError(result.problems, settings, filename);
}

function problemsError(
  problems: ConfigProblem[],
  settings: Map<string, Setting>,
  filename?: string,
): PvhError {
  const [first, ...more] = problems;
  if (first === undefined) throw new Error("a config was refused without a problem");
  const placeOf = ({ key, about, device }: ConfigProblem): Place | undefined => {
    const setting = settings.get(key);
    if (about === "key" || setting === undefined) return setting?.keyPlace;
    const item = setting.value.kind === "list" && device ? setting.value.items[device.index] : undefined;
    return item === undefined ? setting.value.place : placeInside(item, device?.offset ?? 0);
  };
  const others = moreProblems(more, (problem) => {
    const place = placeOf(problem);
    if (place === undefined) return problem.key;
    const { source, start } = place;
    return source.kind === "file" ? `${problem.key} (line ${source.line(start)})` : problem.key;
  });

  const { code } = first;
  const sentence = `${first.sentence}${others}`;
  const details = problemDetails(first);
  const place = placeOf(first);
  if (place !== undefined) return errorAt(code, place, sentence, details);
  return new PvhError(code, filename === undefined ? sentence : `${filename}: ${sentence}`, details);
}

/** The place of a character of a text, as far as escapes let it be known. */
function placeInside(node: ValueNode, offset: number): Place {
  const { source, start, end } = node.place;
  const quotes = source.text.startsWith('"', start) || source.text.startsWith("'", start) ? 1 : 0;
  const asWritten = node.kind !== "list" && source.text.slice(start + quotes, end - quotes) === node.text;
  return asWritten && offset > 0 ? { source, start: start + quotes + offset, end } : node.place;
}
