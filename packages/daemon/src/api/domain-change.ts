import { PvhError, shown } from "@pvh/errors";
import { z } from "zod";
import type { DomainChange as Change } from "../domains.ts";

/** Body of `PATCH /domains/{id}`, as the API documents it. */
export const DomainChange = z.strictObject({
  memory: z.int().optional().describe("MiB, up to maxmem"),
  vcpus: z.int().optional().describe("vCPUs online, up to maxvcpus of the config"),
  maxmem: z.int().optional().describe("MiB that memory can go up to"),
  cpu_weight: z.int().optional().describe("Weight of the domain beside others, 1 to 65535"),
  cap: z.int().optional().describe("Percent of one CPU that it gets at most, 0 is no limit"),
});

const fields = ["memory", "vcpus", "maxmem", "cpu_weight", "cap"] as const;

/** Whole numbers only; the domain's config says which of them are right. */
export function readDomainChange(body: unknown): Change {
  const isObject = typeof body === "object" && body !== null && !Array.isArray(body);
  const given = new Map(isObject ? Object.entries(body) : []);
  for (const name of given.keys()) if (!fields.some((field) => field === name)) throw unchangeable(name);
  const change: Change = {};
  for (const field of fields) {
    const value: unknown = given.get(field);
    if (value === undefined) continue;
    if (typeof value !== "number" || !Number.isSafeInteger(value)) throw noNumber(field, value);
    change[field] = value;
  }
  if (Object.keys(change).length > 0) return change;
  throw new PvhError("REQUEST_INVALID", `The body names nothing to change; give ${fields.join(" or ")}.`, {
    field: "body",
    found: shown(body),
    allowed: `an object with ${fields.join(" or ")}`,
  });
}

function unchangeable(name: string): PvhError {
  return new PvhError(
    "REQUEST_INVALID",
    `${shown(name)} of a live domain cannot be changed so; ${fields.join(", ")} can.`,
    { field: shown(name).slice(1, -1), found: shown(name), allowed: fields.join(", ") },
  );
}

function noNumber(field: string, value: unknown): PvhError {
  return new PvhError("CONFIG_INVALID", `${field} is ${shown(value)}; a whole number is right.`, {
    field,
    found: shown(value),
    allowed: "a whole number",
  });
}
