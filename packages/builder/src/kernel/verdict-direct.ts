import { hex } from "@pvh/errors";
import type { DirectBoot, Verdict } from "./types.ts";
import { dom0Problem, type Evidence, placement, rejected } from "./verdict.ts";

/**
 * Direct PVH needs one note, PHYS32_ENTRY. Everything else that notes say about virtual addresses, versions and
 * loaders is for other interfaces; physical addresses are those of the ELF file.
 */
export function judgeDirect(evidence: Evidence): Verdict<DirectBoot> {
  const { xen } = evidence;
  const entry = xen?.phys32Entry;
  const damaged = xen?.invalid.get("PHYS32_ENTRY");
  if (damaged !== undefined) return rejected([], [damaged]);
  if (xen === undefined || entry === undefined) return rejected(["PHYS32_ENTRY"], []);

  const problems: string[] = [];
  const placed = placement(evidence, 0n);
  if (typeof placed === "string") problems.push(placed);
  if (entry >= 1n << 32n) {
    problems.push(`PHYS32_ENTRY is ${hex(entry)}; an entry in 32-bit mode is below 0x100000000.`);
  } else if (entry < evidence.pstart || entry > evidence.kernelEnd) {
    problems.push(
      `PHYS32_ENTRY is ${hex(entry)}, outside the kernel at ${hex(evidence.pstart)} to ${hex(evidence.kernelEnd)}.`,
    );
  }
  const dom0 = dom0Problem(xen);
  if (dom0 !== undefined) problems.push(dom0);
  if (problems.length > 0 || typeof placed === "string") return rejected([], problems);
  return { state: "supported", boot: { ...placed, entry: Number(entry) }, missing: [], problems: [] };
}
