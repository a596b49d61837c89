import { readSymbolTable } from "./bsd-symtab.ts";
import { readElf } from "./elf.ts";
import { readNotes } from "./notes.ts";
import { loadSegments } from "./segments.ts";
import type { Kernel, UnpackedKernel } from "./types.ts";
import type { Evidence } from "./verdict.ts";
import { judgeClassic } from "./verdict-classic.ts";
import { judgeDirect } from "./verdict-direct.ts";
import { readXenGuest } from "./xen-guest.ts";
import { readXenNotes } from "./xen-notes.ts";

/** More warnings about one file tell nobody more. */
const maxWarnings = 32;

/**
 * Reads what planning needs: headers, segments, notes. Copies nothing and never looks at the segments' contents, so the
 * time does not depend on the kernel's size.
 *
 * @throws KERNEL_ELF, KERNEL_TRUNCATED or KERNEL_NOTE. A kernel that no interface can start is not an error here: see
 * `direct` and `classic` of the result.
 */
export function inspectKernel(unpacked: UnpackedKernel): Kernel {
  const warnings: string[] = [];
  const warn = (sentence: string) => {
    if (warnings.length < maxWarnings) warnings.push(sentence);
  };
  const elf = readElf(unpacked.elf);
  const { segments, pstart, pend } = loadSegments(elf);
  const notes = readNotes(elf, warn);
  const xen = readXenNotes(notes, warn) ?? readXenGuest(elf);

  const bsdSymtab = xen?.bsdSymtab ? readSymbolTable(elf, pend) : undefined;
  if (xen?.bsdSymtab && bsdSymtab === undefined) {
    warn("The kernel asks for its symbol table (BSD_SYMTAB), but it has none; it is started without.");
  }
  const kernelEnd = bsdSymtab === undefined ? pend : pend + BigInt(bsdSymtab.padding + bsdSymtab.size);
  const evidence: Evidence = {
    class: elf.class,
    machine: elf.machine,
    entry: elf.entry,
    pstart,
    pend,
    kernelEnd,
    ...(xen === undefined ? {} : { xen }),
  };
  return {
    format: unpacked.format,
    compression: unpacked.compression,
    elf: unpacked.elf,
    class: elf.class,
    machine: elf.machine,
    entry: elf.entry,
    segments,
    pstart,
    pend,
    notes,
    ...(xen === undefined ? {} : { xen }),
    ...(bsdSymtab === undefined ? {} : { bsdSymtab }),
    direct: judgeDirect(evidence),
    classic: judgeClassic(evidence),
    warnings,
  };
}
