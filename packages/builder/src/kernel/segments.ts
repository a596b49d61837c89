import { segmentFlag, segmentType } from "@pvh/abi";
import { hex, PvhError } from "@pvh/errors";
import { viewAt } from "./bytes.ts";
import type { ElfFile } from "./elf.ts";
import type { LoadSegment } from "./types.ts";

const anyAccess = segmentFlag.R | segmentFlag.W | segmentFlag.X;

/** No kernel needs more; sizes stay exact as `number`. */
const maxSegment = 1n << 40n;

/**
 * What must be loaded, ascending by physical address. `p_vaddr` is never used, as in Xen.
 *
 * Since segments do not overlap and none has more file bytes than memory, the bytes that loading copies never
 * exceed the memory that it fills (XSA-55 bounds them for loaders that allow overlaps).
 */
export function loadSegments(elf: ElfFile): { segments: LoadSegment[]; pstart: bigint; pend: bigint } {
  const limit = elf.class === 64 ? 1n << 64n : 1n << 32n;
  const segments: LoadSegment[] = [];
  for (const header of elf.programs) {
    if (header.type !== segmentType.LOAD || (header.flags & anyAccess) === 0 || header.memsz === 0n) continue;
    const name = (field: string) => `phdr[${header.index}].${field}`;
    const reject = (field: string, message: string, found: bigint, allowed: string) =>
      new PvhError("KERNEL_ELF", message, { field: name(field), found: hex(found), allowed });

    if (header.filesz > header.memsz) {
      const text = `${name("p_filesz")} is ${hex(header.filesz)}, more than its p_memsz ${hex(header.memsz)}.`;
      throw reject("p_filesz", text, header.filesz, `at most ${hex(header.memsz)}`);
    }
    if (header.memsz > maxSegment) {
      const text = `${name("p_memsz")} is ${hex(header.memsz)}; at most ${hex(maxSegment)} (1 TiB) is supported.`;
      throw reject("p_memsz", text, header.memsz, `at most ${hex(maxSegment)}`);
    }
    if (header.paddr + header.memsz > limit) {
      const text = `Segment ${header.index} wraps around: p_paddr ${hex(header.paddr)} plus p_memsz ${hex(header.memsz)} goes beyond ${hex(limit)}.`;
      throw reject("p_paddr", text, header.paddr, `at most ${hex(limit - header.memsz)}`);
    }
    if (header.filesz > 0n) {
      viewAt(elf.bytes, `data of segment ${header.index}`, name("p_filesz"), header.offset, header.filesz);
    }
    segments.push({
      index: header.index,
      paddr: header.paddr,
      // An offset without bytes may point anywhere.
      offset: header.filesz > 0n ? Number(header.offset) : 0,
      filesz: Number(header.filesz),
      memsz: Number(header.memsz),
      flags: header.flags,
    });
  }
  segments.sort((a, b) => (a.paddr < b.paddr ? -1 : a.paddr > b.paddr ? 1 : a.index - b.index));
  checkOverlap(segments);

  const first = segments[0];
  const last = segments.at(-1);
  if (first === undefined || last === undefined) {
    throw new PvhError(
      "KERNEL_ELF",
      `None of the ${elf.programs.length} program headers is a loadable segment (PT_LOAD with memory and any of the flags R, W, X).`,
      { field: "e_phnum", found: elf.programs.length, allowed: "one PT_LOAD or more" },
    );
  }
  return { segments, pstart: first.paddr, pend: last.paddr + BigInt(last.memsz) };
}

function checkOverlap(ascending: LoadSegment[]): void {
  let previous: LoadSegment | undefined;
  for (const segment of ascending) {
    if (previous !== undefined) {
      const end = previous.paddr + BigInt(previous.memsz);
      if (segment.paddr < end) {
        throw new PvhError(
          "KERNEL_ELF",
          `Segment ${segment.index} at p_paddr ${hex(segment.paddr)} overlaps segment ${previous.index}, which ends at ${hex(end)}.`,
          {
            field: `phdr[${segment.index}].p_paddr`,
            found: hex(segment.paddr),
            allowed: `at least ${hex(end)}`,
          },
        );
      }
    }
    previous = segment;
  }
}
