import { hex, PvhError } from "@pvh/errors";
import type { DomainImage, Region } from "./image.ts";

/**
 * The last line of defence of every plan: no two regions overlap (but for the hypercall page, which lies in the
 * kernel), and all lie in RAM.
 *
 * @throws PvhError LAYOUT_MEMORY
 */
export function checkRegions(image: DomainImage): void {
  let below: Region | undefined;
  for (const region of image.regions.toSorted((a, b) => a.gpa - b.gpa)) {
    if (region.size === 0) continue;
    const end = region.gpa + region.size;
    if (!image.ram.some((range) => range.gpa <= region.gpa && end <= range.gpa + range.size)) {
      throw new PvhError("LAYOUT_MEMORY", `${where(region)} is not in the guest's memory.`, {
        field: region.name,
        found: hex(end),
        allowed: image.ram.map(({ gpa, size }) => `${hex(gpa)}..${hex(gpa + size)}`).join(", "),
      });
    }
    if (region.contents.kind === "hypercall-page") continue;
    if (below !== undefined && region.gpa < below.gpa + below.size) {
      throw new PvhError("LAYOUT_MEMORY", `${where(region)} overlaps ${where(below)}.`, {
        field: region.name,
        found: hex(region.gpa),
        allowed: `from ${hex(below.gpa + below.size)}`,
      });
    }
    below = region;
  }
}

function where({ name, gpa, size }: Region): string {
  return `${name} (${hex(gpa)}..${hex(gpa + size)})`;
}
