import type { Kernel } from "@pvh/builder";
import { readKernel } from "@pvh/kvm";

/** The kernel of a config, ready to be placed. */
export function readCachedKernel(path: string, _cache: string): Kernel {
  return readKernel(path);
}
