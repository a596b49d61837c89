import { textOf, viewAt } from "./bytes.ts";
import { type ElfFile, sectionName } from "./elf.ts";
import { parseFeatures } from "./features.ts";
import type { XenParameters } from "./types.ts";

/** The text may be this long; real ones have some 200 characters. */
const maxText = 4095;

/**
 * What the section `__xen_guest` says: how kernels spoke to Xen before notes, and how mini-os still does. The text is
 * `KEY=VALUE,KEY,...`. Undefined when there is no such section.
 *
 * Unlike Xen's reader this one does not cut keys after 31 and values after 127 characters.
 */
export function readXenGuest(elf: ElfFile): XenParameters | undefined {
  const section = elf.sections.find((candidate) => sectionName(elf, candidate) === "__xen_guest");
  if (section === undefined) return undefined;
  const field = `shdr[${section.index}].sh_size`;
  const bytes = viewAt(elf.bytes, "section __xen_guest", field, section.offset, section.size);
  return parseXenGuest(textOf(bytes, maxText), Number(section.offset));
}

/** `offset` is where the text stands in the file. */
export function parseXenGuest(text: string, offset: number): XenParameters {
  const xen: XenParameters = {
    source: "__xen_guest",
    bsdSymtab: false,
    suspendCancel: false,
    modStartPfn: false,
    features: { supported: 0, required: 0 },
    invalid: new Map(),
  };
  let hypercallFrame: bigint | undefined;
  for (const token of text.split(",")) {
    const equals = token.indexOf("=");
    const key = equals < 0 ? token : token.slice(0, equals);
    const value = equals < 0 ? "" : token.slice(equals + 1);
    const number = (note: string) => {
      const parsed = parseNumber(value);
      if (parsed === undefined) {
        xen.invalid.set(note, `${key} in __xen_guest is ${JSON.stringify(value)}, not a number of 64 bits.`);
      } else {
        xen.invalid.delete(note);
      }
      return parsed ?? 0n;
    };
    switch (key) {
      case "LOADER":
        xen.loader = value;
        break;
      case "GUEST_OS":
        xen.guestOs = value;
        break;
      case "GUEST_VER":
        xen.guestVersion = value;
        break;
      case "XEN_VER":
        xen.xenVersion = value;
        break;
      case "PAE":
        xen.paeMode = value.startsWith("yes[extended-cr3]")
          ? "extended-cr3"
          : value.startsWith("yes")
            ? "yes"
            : "no";
        break;
      case "BSD_SYMTAB":
        xen.bsdSymtab = true;
        break;
      case "VIRT_BASE":
        xen.virtBase = number("VIRT_BASE");
        break;
      case "VIRT_ENTRY":
        xen.entry = number("ENTRY");
        break;
      case "ELF_PADDR_OFFSET":
        xen.paddrOffset = number("PADDR_OFFSET");
        break;
      case "HYPERCALL_PAGE":
        hypercallFrame = number("HYPERCALL_PAGE");
        break;
      case "FEATURES":
        xen.features = parseFeatures(value, offset);
        break;
    }
  }
  // A page number here, a virtual address in the note; and VIRT_BASE may stand behind it.
  if (hypercallFrame !== undefined) {
    xen.hypercallPage = BigInt.asUintN(64, (hypercallFrame << 12n) + (xen.virtBase ?? 0n));
  }
  return xen;
}

/** C's notation: 0x for hexadecimal, a leading 0 for octal, else decimal. */
function parseNumber(text: string): bigint | undefined {
  const trimmed = text.trim();
  let value: bigint;
  if (/^0[xX][0-9a-fA-F]{1,16}$/.test(trimmed)) value = BigInt(trimmed.toLowerCase());
  else if (/^0[0-7]{1,22}$/.test(trimmed)) value = BigInt(`0o${trimmed.slice(1)}`);
  else if (/^(0|[1-9][0-9]{0,19})$/.test(trimmed)) value = BigInt(trimmed);
  else return undefined;
  return value < 1n << 64n ? value : undefined;
}
