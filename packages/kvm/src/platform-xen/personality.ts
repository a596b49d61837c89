import type { BootInterface } from "@pvh/builder";

/** The Xen that a guest believes to run on: the last that had its boot interface, or a current one. */
export interface Personality {
  major: number;
  minor: number;
  extraversion: string;
  /** XENVER_get_features, submap 0 (public/features.h). */
  features: number;
  capabilities: string;
}

const personalities: Record<BootInterface, Personality> = {
  // Bits 0, 2, 3, 8, 9, 13: what Xen 4.6 gave PVHv1 guests; bit 3 is what tells them apart from newer ones.
  classic: {
    major: 4,
    minor: 6,
    extraversion: ".6-pvh",
    features: 0x230d,
    capabilities: "xen-3.0-x86_64 xen-3.0-x86_32p hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 ",
  },
  // Bits 0, 2, 8, 9, 13, 16.
  direct: {
    major: 4,
    minor: 17,
    extraversion: ".0-pvh",
    features: 0x12305,
    capabilities: "xen-3.0-x86_64 hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 ",
  },
};

export function personalityOf(bootInterface: BootInterface): Personality {
  return personalities[bootInterface];
}
