import { xenFeatureBit, xenFeatures } from "@pvh/abi";
import { PvhError } from "@pvh/errors";

/** Two masks of `1 << XENFEAT bit`. What is required is supported too. */
export interface FeatureSets {
  supported: number;
  required: number;
}

/**
 * Reads `name|!name|...`; `!` marks what the kernel cannot run without. Unknown names are ignored, as Xen does it,
 * so that a kernel may offer what only newer hypervisors know.
 *
 * @throws KERNEL_NOTE for an unknown required name. `offset` is where the text stands in the file.
 */
export function parseFeatures(text: string, offset: number): FeatureSets {
  const sets: FeatureSets = { supported: 0, required: 0 };
  for (const token of text.split("|")) {
    const required = token.startsWith("!");
    const bit = xenFeatureBit(required ? token.slice(1) : token);
    if (bit !== undefined) {
      sets.supported = (sets.supported | (1 << bit)) >>> 0;
      if (required) sets.required = (sets.required | (1 << bit)) >>> 0;
    } else if (required) {
      const allowed = Object.keys(xenFeatures).join(", ");
      throw new PvhError(
        "KERNEL_NOTE",
        `The kernel's FEATURES require ${JSON.stringify(token.slice(1))}, a feature that is not known; known are ${allowed}.`,
        { field: "FEATURES", offset, found: token, allowed },
      );
    }
  }
  return sets;
}
