import { requireCpuList } from "@pvh/builder";
import { PvhError, shown } from "@pvh/errors";
import { z } from "zod";
import type { Pinning as Wanted } from "../backend.ts";

const cpus = (what: string) =>
  z.string().optional().describe(`CPUs of the host, such as "0-3,^2" or "all", ${what}; absent: as they are`);

/** Body of `POST /domains/{id}/affinity`, as the API documents it. */
export const Pinning = z.strictObject({
  vcpu: z.int().nonnegative().optional().describe("Absent: all vCPUs"),
  cpus: cpus("that it may run on"),
  cpus_soft: cpus("that it runs on when it can"),
});

const fields = ["vcpu", "cpus", "cpus_soft"];

/** @throws PvhError REQUEST_INVALID, CONFIG_INVALID or CONFIG_KEY_UNSUPPORTED */
export function readPinning(body: unknown): Wanted {
  const isObject = typeof body === "object" && body !== null && !Array.isArray(body);
  const given = new Map<string, unknown>(isObject ? Object.entries(body) : []);
  const foreign = [...given.keys()].find((name) => !fields.includes(name));
  if (foreign !== undefined || (given.get("cpus") ?? given.get("cpus_soft")) === undefined) {
    throw new PvhError(
      "REQUEST_INVALID",
      "The body must name CPUs: cpus, cpus_soft or both, and perhaps vcpu.",
      {
        field: foreign === undefined ? "body" : shown(foreign).slice(1, -1),
        found: shown(foreign ?? body),
        allowed: fields.join(", "),
      },
    );
  }
  const vcpu = given.get("vcpu");
  return {
    ...(vcpu === undefined ? {} : { vcpu: requireNumber(vcpu) }),
    ...(given.has("cpus") ? { cpus: requireCpuList("cpus", given.get("cpus")) } : {}),
    ...(given.has("cpus_soft") ? { cpusSoft: requireCpuList("cpus_soft", given.get("cpus_soft")) } : {}),
  };
}

function requireNumber(vcpu: unknown): number {
  if (typeof vcpu === "number" && Number.isSafeInteger(vcpu) && vcpu >= 0) return vcpu;
  const found = shown(vcpu);
  throw new PvhError("CONFIG_INVALID", `vcpu is ${found}; the number of a vCPU is right.`, {
    field: "vcpu",
    found,
    allowed: "the number of a vCPU",
  });
}
