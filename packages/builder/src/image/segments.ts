import { pageRoundUp } from "@pvh/abi";
import { hypercallPage } from "./hypercall-page.ts";
import type { DomainImage, Region } from "./image.ts";
import { pageTableChunks } from "./page-tables.ts";

/** Most bytes of a generated segment. */
const CHUNK_SIZE = 1024 * 1024;

/** Bytes that must stand at a guest-physical address. */
export interface Segment {
  gpa: number;
  bytes: Uint8Array;
}

type Placed = Pick<DomainImage, "regions">;

/** Takes an image: guest RAM, the foreign pages of a domain, a file. */
export interface ImageSink {
  write(gpa: number, bytes: Uint8Array): void;
}

/**
 * What has to be written into zeroed RAM, in the order of writing. Input data come as views, generated data in
 * pieces of at most 1 MiB, made when they are asked for; zeros do not come at all.
 */
export function* segments(image: Placed): Generator<Segment> {
  for (const region of image.regions) yield* regionSegments(region);
}

/** Writes the whole image; one pass. */
export function writeImage(image: Placed, sink: ImageSink): void {
  for (const { gpa, bytes } of segments(image)) sink.write(gpa, bytes);
}

/**
 * Bytes from guest-physical 0 to the page-rounded end of the last region that is not all zeros: the length of the
 * image as a raw file whose offsets are guest-physical addresses. RAM beyond it is zero.
 */
export function imageSpan(image: Placed): number {
  const ends = image.regions
    .filter(({ contents }) => contents.kind !== "zero")
    .map(({ gpa, size }) => gpa + size);
  return pageRoundUp(Math.max(0, ...ends));
}

function* regionSegments({ gpa, contents }: Region): Generator<Segment> {
  switch (contents.kind) {
    case "file":
    case "bytes":
      if (contents.bytes.length > 0) yield { gpa, bytes: contents.bytes };
      return;
    case "zero":
      return;
    case "identity-p2m":
      yield* identityP2m(gpa, contents.entries);
      return;
    case "page-tables":
      yield* pageTableChunks(gpa, contents.virtBase, contents.virtEnd, CHUNK_SIZE);
      return;
    case "hypercall-page":
      yield { gpa, bytes: hypercallPage(contents.trap, contents) };
      return;
  }
}

function* identityP2m(gpa: number, entries: number): Generator<Segment> {
  const perChunk = CHUNK_SIZE / 8;
  for (let first = 0; first < entries; first += perChunk) {
    const count = Math.min(perChunk, entries - first);
    const bytes = new Uint8Array(count * 8);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < count; i++) {
      view.setUint32(8 * i, (first + i) >>> 0, true);
      view.setUint32(8 * i + 4, Math.floor((first + i) / 2 ** 32), true);
    }
    yield { gpa: gpa + first * 8, bytes };
  }
}
