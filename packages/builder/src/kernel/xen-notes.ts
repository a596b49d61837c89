import { type XenNoteName, xenNoteName, xenNotes } from "@pvh/abi";
import { hex } from "@pvh/errors";
import { integerOf, rawBytes, textOf, u32At } from "./bytes.ts";
import { parseFeatures } from "./features.ts";
import { isXenNote } from "./notes.ts";
import type { KernelNote, XenParameters } from "./types.ts";

/** Xen reads at most so many characters of a string. */
export const maxNoteText = 4095;

/**
 * What the Xen notes say; undefined when there is none. A later note overrides an earlier one, except that features
 * add up. Notes that are only in sections come first: Xen would not read them beside notes in segments.
 */
export function readXenNotes(
  notes: readonly KernelNote[],
  warn: (sentence: string) => void,
): XenParameters | undefined {
  const ours = notes.filter(isXenNote);
  if (ours.length === 0) return undefined;
  const inSegments = ours.filter((note) => note.inSegment);
  const inSections = ours.filter((note) => !note.inSegment);
  const xen: XenParameters = {
    source: "notes",
    bsdSymtab: false,
    suspendCancel: false,
    modStartPfn: false,
    features: { supported: 0, required: 0 },
    invalid: new Map(),
  };
  const earlier = new Map<XenNoteName, { value: string; offset: number }>();
  for (const note of [...inSections, ...inSegments]) {
    const name = xenNoteName(note.number);
    if (name === undefined) continue;
    if (!note.inSegment && inSegments.length > 0) {
      warn(`The Xen note ${name} is only in ${note.source}; Xen itself reads only notes in segments.`);
    }
    const value = noteValue(note);
    const before = earlier.get(name);
    if (before !== undefined && before.value !== value && !addsUp(name)) {
      warn(
        `The Xen note ${name} stands twice and differs: ${before.value} at offset ${hex(before.offset)}, ${value} at offset ${hex(note.offset)}. The latter counts.`,
      );
    }
    earlier.set(name, { value, offset: note.offset });
    interpret(xen, name, note);
  }
  return xen;
}

function addsUp(name: XenNoteName): boolean {
  return name === "FEATURES" || name === "SUPPORTED_FEATURES";
}

function interpret(xen: XenParameters, name: XenNoteName, note: KernelNote): void {
  const reason = damage(name, note);
  if (reason !== undefined) {
    xen.invalid.set(name, reason);
    return;
  }
  xen.invalid.delete(name);
  const { desc } = note;
  switch (name) {
    case "ENTRY":
      xen.entry = integerOf(desc);
      break;
    case "HYPERCALL_PAGE":
      xen.hypercallPage = integerOf(desc);
      break;
    case "VIRT_BASE":
      xen.virtBase = integerOf(desc);
      break;
    case "PADDR_OFFSET":
      xen.paddrOffset = integerOf(desc);
      break;
    case "XEN_VERSION":
      xen.xenVersion = textOf(desc, maxNoteText);
      break;
    case "GUEST_OS":
      xen.guestOs = textOf(desc, maxNoteText);
      break;
    case "GUEST_VERSION":
      xen.guestVersion = textOf(desc, maxNoteText);
      break;
    case "LOADER":
      xen.loader = textOf(desc, maxNoteText);
      break;
    case "PAE_MODE":
      xen.paeMode = paeMode(textOf(desc, maxNoteText));
      break;
    case "FEATURES": {
      const { supported, required } = parseFeatures(textOf(desc, maxNoteText), note.offset);
      xen.features.supported = (xen.features.supported | supported) >>> 0;
      xen.features.required = (xen.features.required | required) >>> 0;
      break;
    }
    case "BSD_SYMTAB":
      xen.bsdSymtab = textOf(desc, maxNoteText).startsWith("yes");
      break;
    case "HV_START_LOW":
      xen.hvStartLow = integerOf(desc);
      break;
    case "SUSPEND_CANCEL":
      xen.suspendCancel = integerOf(desc) === 1n;
      break;
    case "INIT_P2M":
      xen.initP2m = integerOf(desc);
      break;
    case "MOD_START_PFN":
      xen.modStartPfn = integerOf(desc) !== 0n;
      break;
    case "SUPPORTED_FEATURES":
      // Further words would be further submaps, of which Xen has none.
      xen.features.supported = (xen.features.supported | u32At(desc, 0)) >>> 0;
      break;
    case "PHYS32_ENTRY":
      xen.phys32Entry = integerOf(desc);
      break;
    case "PHYS32_RELOC": {
      const [align, min, max] = u32s(desc);
      xen.phys32Reloc = {
        ...(align === undefined ? {} : { align }),
        ...(min === undefined ? {} : { min }),
        ...(max === undefined ? {} : { max }),
      };
      break;
    }
  }
}

/** Why a note's descriptor cannot be read as its kind. */
function damage(name: XenNoteName, { desc, cut, offset }: KernelNote): string | undefined {
  const { kind } = xenNotes[name];
  const at = `at offset ${hex(offset)}`;
  if (kind === "number" && ![1, 2, 4, 8].includes(desc.length)) {
    return `The descriptor of ${name} ${at} has ${desc.length} bytes; a number has 1, 2, 4 or 8.`;
  }
  if (cut && kind !== "string")
    return `The note ${name} ${at} goes beyond the end of its segment or section.`;
  if (name === "SUPPORTED_FEATURES" && (desc.length === 0 || desc.length % 4 !== 0)) {
    return `The descriptor of ${name} ${at} has ${desc.length} bytes; it is an array of 4-byte words.`;
  }
  return undefined;
}

function paeMode(text: string): NonNullable<XenParameters["paeMode"]> {
  if (text === "yes") return "extended-cr3";
  return text.includes("bimodal") ? "bimodal" : "no";
}

function u32s(desc: Uint8Array): number[] {
  return Array.from({ length: Math.min(desc.length >> 2, 64) }, (_, i) => u32At(desc, i * 4));
}

/** The value of a Xen note as reports show it. */
export function noteValue(note: KernelNote): string {
  const name = xenNoteName(note.number);
  const kind = name === undefined ? "bytes" : xenNotes[name].kind;
  const { desc } = note;
  switch (kind) {
    case "string":
      return textOf(desc, maxNoteText);
    case "number":
      if ([1, 2, 4, 8].includes(desc.length)) return hex(integerOf(desc));
      break;
    case "pair":
      if (desc.length === 8 || desc.length === 16) {
        const half = desc.length / 2;
        return `${hex(integerOf(desc.subarray(0, half)))},${hex(integerOf(desc.subarray(half)))}`;
      }
      break;
    case "u32s":
      if (desc.length > 0 && desc.length % 4 === 0 && desc.length <= 256)
        return u32s(desc).map(hex).join(",");
      break;
  }
  return rawBytes(desc);
}
