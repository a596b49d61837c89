import type { MemoryType } from "./image/image.ts";

export type AcpiMemoryType = Extract<MemoryType, "acpi" | "nvs">;

/**
 * A real Xen, 4.17 or later, and what it wants of an image otherwise than the xen platform on KVM. Always: a classic guest's
 * RAM leaves out the addresses from 0xfc000000 to 4 GiB, which it did not before Xen gave all guests a local APIC.
 */
export interface XenHypervisor {
  /** What a direct guest's memory map calls the pages of ACPI tables: libxl says `acpi` up to 4.20, then `nvs`. */
  acpiMemoryType: AcpiMemoryType;
  /** Whether a classic guest's hypercall page translates what guests of several vCPUs call; see image/smp-shims.ts. */
  smpShims: boolean;
}
