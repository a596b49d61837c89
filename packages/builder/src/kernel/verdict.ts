import { xenFeatureBit, xenFeatureMask } from "@pvh/abi";
import { hex } from "@pvh/errors";
import type { BootAddresses, Verdict, XenParameters } from "./types.ts";

/** What both verdicts look at. */
export interface Evidence {
  class: 32 | 64;
  machine: number;
  /** `e_entry` */
  entry: bigint;
  pstart: bigint;
  pend: bigint;
  /** `pend`, or the end of the BSD symbol table behind it. */
  kernelEnd: bigint;
  xen?: XenParameters;
}

/** x86 has at most so many bits of physical address. */
const physicalLimit = 1n << 52n;

/** Guest-physical placement of a kernel whose `p_paddr` values are `paddrOffset` too high; a string says why not. */
export function placement(evidence: Evidence, paddrOffset: bigint): BootAddresses | string {
  const start = BigInt.asUintN(64, evidence.pstart - paddrOffset);
  const end = start + (evidence.kernelEnd - evidence.pstart);
  if (end > physicalLimit) {
    const minus = paddrOffset === 0n ? "" : ` minus PADDR_OFFSET ${hex(paddrOffset)}`;
    return `The kernel would end at guest-physical address ${hex(end)} (p_paddr ${hex(evidence.pstart)}${minus}); x86 has 52 bits of it, so right would be at most ${hex(physicalLimit)}.`;
  }
  return { paddrOffset, start: Number(start), end: Number(end) };
}

/** A kernel that only runs as the host's control domain cannot be a guest. */
export function dom0Problem(xen: XenParameters): string | undefined {
  if ((xen.features.required & xenFeatureMask("dom0")) === 0) return undefined;
  return "FEATURES require dom0, so the kernel runs only as Xen's control domain.";
}

export function rejected<Boot>(missing: string[], problems: string[]): Verdict<Boot> {
  return { state: problems.length > 0 && missing.length === 0 ? "invalid" : "absent", missing, problems };
}

/** Sentences that say why a kernel cannot be started by an interface, and where kernels come from that can. */
export function explainVerdict(bootInterface: "direct" | "classic", verdict: Verdict<unknown>): string {
  if (verdict.state === "supported") return `The kernel can be started as ${bootInterface} PVH.`;
  const sentences = [`The kernel cannot be started as ${bootInterface} PVH.`];
  if (verdict.missing.length > 0) sentences.push(`It lacks ${verdict.missing.join(", ")}.`);
  sentences.push(...verdict.problems);
  if (verdict.missing.some((name) => xenFeatureBit(name) !== undefined || name === "PHYS32_ENTRY")) {
    sentences.push(interfaceHelp[bootInterface]);
  }
  return sentences.join(" ");
}

/** Where kernels come from that have what an interface needs. */
export const interfaceHelp = {
  direct:
    "Linux has PHYS32_ENTRY since 4.11 when built with CONFIG_XEN_PVH=y, and since 5.0 with CONFIG_PVH=y, which needs no other Xen option; FreeBSD has it since 12.0.",
  classic:
    "Linux 3.14 to 4.10 has what classic PVH needs when built for x86-64 with CONFIG_XEN_PVH=y (4.11 dropped it for direct PVH); FreeBSD 10 and 11 have it, too.",
} as const;
