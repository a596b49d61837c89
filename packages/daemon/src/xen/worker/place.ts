import type { DomainImage, Region } from "@pvh/builder";
import { segments } from "@pvh/builder";
import type { ForeignMemory } from "@pvh/xenctl-ffi/native";

/** Writes an image into a domain's memory, of which nothing is known: what has to be zero is written too. */
export function placeImage(memory: ForeignMemory, domid: number, image: DomainImage): void {
  for (const region of image.regions) {
    const filled = contentSize(region);
    if (filled < region.size) memory.clear(domid, region.gpa + filled, region.size - filled);
  }
  for (const { gpa, bytes } of segments(image)) memory.write(domid, gpa, bytes);
}

/** Bytes of a region that `segments` gives; zeros follow. */
function contentSize({ size, contents }: Region): number {
  switch (contents.kind) {
    case "file":
    case "bytes":
      return contents.bytes.length;
    case "zero":
      return 0;
    case "identity-p2m":
      return contents.entries * 8;
    case "page-tables":
    case "hypercall-page":
      return size;
  }
}
