import { PvhError, shown } from "@pvh/errors";
import { z } from "zod";
import type { DomainChange as Change } from "../domains.ts";

/** Body of `PATCH /domains/{id}`, as the API documents it. */
export const DomainChange = z.strictObject({
  memory: z.int().optional().describe("MiB, up to maxmem of the config"),
  vcpus: z.int().optional().describe("vCPUs online, up to maxvcpus of the config"),
});

const fields = ["memory", "vcpus"] as const;

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
  throw new PvhError("REQUEST_INVALID", "The body names nothing to change; give memory, vcpus or both.", {
    field: "body",
    found: shown(body),
    allowed: "an object with memory or vcpus",
  });
}

function unchangeable(name: string): PvhError {
  return new PvhError(
    "REQUEST_INVALID",
    `${shown(name)} of a live domain cannot be changed; memory and vcpus can.`,
    { field: shown(name).slice(1, -1), found: shown(name), allowed: "memory, vcpus" },
  );
}

function noNumber(field: string, value: unknown): PvhError {
  return new PvhError("CONFIG_INVALID", `${field} is ${shown(value)}; a whole number is right.`, {
    field,
    found: shown(value),
    allowed: "a whole number",
  });
}
