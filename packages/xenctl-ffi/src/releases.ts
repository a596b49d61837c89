import { createDomain4_17, createDomain4_19 } from "@pvh/abi";
import { PvhError } from "@pvh/errors";

/** What a toolstack must do differently from one release of Xen to the next. */
export interface XenRelease {
  /** `4.17`; also the end of the names of libxenctrl and libxenguest. */
  readonly name: string;
  readonly createDomain: typeof createDomain4_17 | typeof createDomain4_19;
  /** Type of ACPI tables in a direct guest's memory map. */
  readonly acpiMemoryType: "acpi" | "nvs";
}

const release = (
  name: string,
  createDomain: XenRelease["createDomain"],
  acpiMemoryType: XenRelease["acpiMemoryType"],
): XenRelease => ({ name, createDomain, acpiMemoryType });

/** Read in the sources of each release; getdomaininfo and the rest of what is used are the same in all. */
const releases: readonly XenRelease[] = [
  release("4.17", createDomain4_17, "acpi"),
  release("4.18", createDomain4_17, "acpi"),
  release("4.19", createDomain4_19, "acpi"),
  release("4.20", createDomain4_19, "acpi"),
  release("4.21", createDomain4_19, "nvs"),
  release("4.22", createDomain4_19, "nvs"),
];

/**
 * @param version as XENVER_version gives it: major in the upper 16 bits, minor in the lower.
 * @throws PvhError HOST_XEN_VERSION for a release whose structures are not known: guessing would corrupt memory.
 */
export function xenRelease(version: number): XenRelease {
  const name = `${version >>> 16}.${version & 0xffff}`;
  const found = releases.find((one) => one.name === name);
  if (found !== undefined) return found;
  const known = `${releases[0]?.name} to ${releases.at(-1)?.name}`;
  throw new PvhError(
    "HOST_XEN_VERSION",
    `This host runs Xen ${name}, whose control interface is not known here; Xen ${known} are.`,
    { field: "xen version", found: name, allowed: known },
  );
}
