import { PvhError } from "@pvh/errors";
import { shown } from "./shown.ts";

/** What is wrong with the text of a device; `sentence` continues "disk 1 of the list: ...". */
export interface DeviceProblem {
  code: "CONFIG_INVALID" | "CONFIG_KEY_UNSUPPORTED";
  sentence: string;
  found: string;
  allowed: string;
}

export type Parsed<Device> = { device: Device } | { problem: DeviceProblem };

export function invalid(found: string, what: string, allowed: string): { problem: DeviceProblem } {
  const sentence = `${what} is ${shown(found)}; it must be ${allowed}`;
  return { problem: { code: "CONFIG_INVALID", sentence, found: shown(found), allowed } };
}

export function unsupported(found: string, why: string, allowed: string): { problem: DeviceProblem } {
  const sentence = `${shown(found)} ${why}; use ${allowed}`;
  return { problem: { code: "CONFIG_KEY_UNSUPPORTED", sentence, found: shown(found), allowed } };
}

/** @throws PvhError when there is a problem. */
export function deviceOrThrow<Device>(field: string, parsed: Parsed<Device>): Device {
  if ("device" in parsed) return parsed.device;
  const { code, sentence, found, allowed } = parsed.problem;
  throw new PvhError(code, `${field}: ${sentence}`, { field, found, allowed });
}
