import type { ClassicBoot, DirectBoot, Kernel } from "../kernel/types.ts";
import type { DomainImage } from "./image.ts";
import { imageSpan, writeImage } from "./segments.ts";

/** For tests: kernels made by hand, and readers that share no code with what made the image. */

export interface KernelParts {
  /** `paddr` is guest-physical. */
  segments: { paddr: number; bytes: Uint8Array; memsz?: number }[];
  direct?: { entry: number };
  classic?: Pick<ClassicBoot, "virtBase"> & Partial<ClassicBoot>;
  /** HYPERCALL_PAGE note, virtual. */
  hypercallPage?: bigint;
  guestOs?: string;
}

/** A kernel as the reader would return it. */
export function makeKernel({ segments, direct, classic, hypercallPage, guestOs }: KernelParts): Kernel {
  const elf = new Uint8Array(segments.reduce((sum, { bytes }) => sum + bytes.length, 0));
  let offset = 0;
  const loaded = segments.map(({ paddr, bytes, memsz = bytes.length }, index) => {
    elf.set(bytes, offset);
    const segment = {
      index,
      paddr: BigInt(paddr),
      offset,
      filesz: bytes.length,
      memsz,
      flags: 7,
    };
    offset += bytes.length;
    return segment;
  });
  const start = Math.min(...segments.map(({ paddr }) => paddr));
  const end = Math.max(...loaded.map(({ paddr, memsz }) => Number(paddr) + memsz));
  const addresses = { paddrOffset: 0n, start, end };
  const absent = { state: "absent", missing: ["a note"], problems: [] } as const;
  const none = () => ({ ...absent, missing: [...absent.missing], problems: [] as string[] });
  const supported = <Boot>(boot: Boot) => ({
    state: "supported" as const,
    boot,
    missing: [] as [],
    problems: [] as [],
  });
  return {
    format: "elf",
    compression: "none",
    elf,
    class: 64,
    machine: 62,
    entry: 0n,
    segments: loaded,
    pstart: BigInt(start),
    pend: BigInt(end),
    notes: [],
    xen: {
      source: "notes",
      bsdSymtab: false,
      suspendCancel: false,
      modStartPfn: false,
      features: { supported: 0, required: 0 },
      invalid: new Map(),
      ...(hypercallPage === undefined ? {} : { hypercallPage }),
      ...(guestOs === undefined ? {} : { guestOs }),
    },
    direct: direct === undefined ? none() : supported<DirectBoot>({ ...addresses, ...direct }),
    classic:
      classic === undefined
        ? none()
        : supported<ClassicBoot>({
            ...addresses,
            entry: classic.virtBase + BigInt(start),
            modStartPfn: false,
            ...classic,
          }),
    warnings: [],
  };
}

/** The image as the raw file that `pvhctl build` writes: offset = guest-physical address. Nothing from `end` on. */
export function renderImage(image: DomainImage, end = Number.POSITIVE_INFINITY): Uint8Array {
  const memory = new Uint8Array(Math.min(imageSpan(image), end));
  writeImage(image, { write: (gpa, bytes) => gpa < end && memory.set(bytes, gpa) });
  return memory;
}

/** What the processor makes of a virtual address: guest-physical address and the flags of each level, L4 first. */
export function walk(
  memory: Uint8Array,
  cr3: bigint,
  virtual: bigint,
): { gpa: number; flags: number[] } | undefined {
  const view = new DataView(memory.buffer, memory.byteOffset, memory.length);
  const flags: number[] = [];
  let table = cr3;
  for (const shift of [39n, 30n, 21n, 12n]) {
    const entry = view.getBigUint64(Number(table + ((virtual >> shift) & 511n) * 8n), true);
    if ((entry & 1n) === 0n) return undefined;
    flags.push(Number(entry & 0xfffn));
    table = entry & 0x000ffffffffff000n;
  }
  return { gpa: Number(table + (virtual & 0xfffn)), flags };
}

/** Recognisable contents. */
export function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 7 + (i >> 8)) & 0xff);
}
