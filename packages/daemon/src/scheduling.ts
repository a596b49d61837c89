import type { GuestConfig } from "@pvh/builder";
import { PvhError } from "@pvh/errors";
import type { Share } from "./backend.ts";

const MAX_WEIGHT = 65535;
const CAP_PER_VCPU = 100;

/**
 * The share of the processors that a change asks for; undefined when it asks for none.
 *
 * @throws PvhError CONFIG_INVALID
 */
export function requireShare(
  { vcpus, maxvcpus = vcpus }: GuestConfig,
  weight: number | undefined,
  cap: number | undefined,
): Partial<Share> | undefined {
  if (weight !== undefined) requireWithin("cpu_weight", weight, 1, MAX_WEIGHT);
  if (cap !== undefined) requireWithin("cap", cap, 0, CAP_PER_VCPU * maxvcpus);
  if (weight === undefined && cap === undefined) return undefined;
  return { ...(weight === undefined ? {} : { weight }), ...(cap === undefined ? {} : { cap }) };
}

function requireWithin(field: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  const allowed = `a whole number from ${least} to ${most}`;
  throw new PvhError("CONFIG_INVALID", `${field} is ${value}; it must be ${allowed}.`, {
    field,
    found: value,
    allowed,
  });
}
