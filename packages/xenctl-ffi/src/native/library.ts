import { PvhError } from "@pvh/errors";
import koffi from "koffi";

export type Library = ReturnType<typeof koffi.load>;

/** @throws PvhError HOST_XEN_LIBRARY when it is not installed */
export function loadLibrary(soname: string): Library {
  try {
    return koffi.load(soname);
  } catch (cause) {
    throw new PvhError(
      "HOST_XEN_LIBRARY",
      `The Xen library ${soname} cannot be loaded: install the tools of the Xen release that runs (Debian: xen-utils of that version).`,
      { field: "library", found: soname, cause },
    );
  }
}

/** An address, or undefined for a null pointer. */
export function pointer(value: bigint | null): bigint | undefined {
  return value === null || value === 0n ? undefined : value;
}
