import { elfMachine, type XenFeature, xenFeatureMask } from "@pvh/abi";
import { hex } from "@pvh/errors";
import type { ClassicBoot, Verdict, XenParameters } from "./types.ts";
import { dom0Problem, type Evidence, placement, rejected } from "./verdict.ts";

/**
 * What Xen 4.4 - 4.8 request for `pvh=1`. A kernel offers them in FEATURES, with or without "!", or in
 * SUPPORTED_FEATURES: Linux spreads them over both, FreeBSD and mini-os have all four in the string.
 */
const neededFeatures: XenFeature[] = [
  "writable_descriptor_tables",
  "auto_translated_physmap",
  "supervisor_mode_kernel",
  "hvm_callback_vector",
];

const pageSize = 4096n;

/** Classic PVH needs a 64-bit kernel for Xen's PV boot path that offers the four features of {@link neededFeatures}. */
export function judgeClassic(evidence: Evidence): Verdict<ClassicBoot> {
  const { xen } = evidence;
  const offered = xen?.features.supported ?? 0;
  const missing: string[] = neededFeatures.filter((name) => (offered & xenFeatureMask(name)) === 0);
  const problems = [...formatProblems(evidence)];
  if (xen === undefined) return rejected(["XEN_VERSION", "LOADER", ...missing], problems);

  for (const name of identityNotes(xen)) missing.push(name);
  problems.push(...identityProblems(xen));
  for (const name of ["ENTRY", "VIRT_BASE", "PADDR_OFFSET", "HYPERCALL_PAGE", "SUPPORTED_FEATURES"]) {
    const damaged = xen.invalid.get(name);
    if (damaged !== undefined) problems.push(damaged);
  }
  const dom0 = dom0Problem(xen);
  if (dom0 !== undefined) problems.push(dom0);

  const boot = addresses(evidence, xen, problems);
  if (boot === undefined || missing.length > 0 || problems.length > 0) return rejected(missing, problems);
  return { state: "supported", boot, missing: [], problems: [] };
}

function formatProblems({ class: elfClass, machine }: Evidence): string[] {
  if (elfClass === 64 && machine === elfMachine.X86_64) return [];
  const found = `a ${elfClass}-bit ELF file for ${machine === elfMachine.X86_64 ? "x86-64" : "i386"}`;
  return [`The kernel is ${found}; classic PVH starts kernels in 64-bit ELF files for x86-64.`];
}

/** Xen demands both of notes; kernels with the older section are known to leave them out. */
function* identityNotes(xen: XenParameters): Iterable<string> {
  if (xen.source === "__xen_guest") return;
  if (xen.xenVersion === undefined) yield "XEN_VERSION";
  if (xen.loader === undefined && xen.guestOs === undefined) yield "LOADER";
}

function* identityProblems(xen: XenParameters): Iterable<string> {
  const { xenVersion, loader, guestOs } = xen;
  if (xenVersion !== undefined && !xenVersion.startsWith("xen-3.0")) {
    yield `XEN_VERSION is ${JSON.stringify(xenVersion)}; right would be "xen-3.0".`;
  }
  const named = loader !== undefined || guestOs !== undefined;
  if (named && !loader?.startsWith("generic") && !guestOs?.startsWith("linux")) {
    if (loader === undefined && xen.source === "__xen_guest") return;
    const found = loader === undefined ? "absent" : JSON.stringify(loader);
    yield `LOADER is ${found}; right would be "generic", or GUEST_OS "linux".`;
  }
}

/** The rules of addresses: virtual = p_paddr + VIRT_BASE - PADDR_OFFSET, guest-physical = p_paddr - PADDR_OFFSET. */
function addresses(evidence: Evidence, xen: XenParameters, problems: string[]): ClassicBoot | undefined {
  if (xen.paddrOffset !== undefined && xen.virtBase === undefined) {
    problems.push(`PADDR_OFFSET is ${hex(xen.paddrOffset)}, but the kernel has no VIRT_BASE to go with it.`);
    return undefined;
  }
  const virtBase = xen.virtBase ?? 0n;
  const paddrOffset = xen.paddrOffset ?? (xen.source === "notes" ? 0n : virtBase);
  const placed = placement(evidence, paddrOffset);
  if (typeof placed === "string") {
    problems.push(placed);
    return undefined;
  }
  const start = virtBase + BigInt(placed.start);
  const end = virtBase + BigInt(placed.end);
  if (end > 1n << 64n) {
    problems.push(
      `The kernel would end at virtual address ${hex(end)} (VIRT_BASE ${hex(virtBase)}), beyond 64 bits.`,
    );
    return undefined;
  }
  const entry = xen.entry ?? evidence.entry;
  if (entry < start || entry > end) {
    const name = xen.entry === undefined ? "The entry of the ELF header" : "ENTRY";
    problems.push(`${name} is ${hex(entry)}, outside the kernel at ${hex(start)} to ${hex(end)}.`);
  }
  if (virtBase % pageSize !== 0n) problems.push(`VIRT_BASE is ${hex(virtBase)}; it must be page aligned.`);
  const boot: ClassicBoot = { ...placed, virtBase, entry, modStartPfn: xen.modStartPfn };
  if (xen.hypercallPage !== undefined) {
    const page = xen.hypercallPage;
    if (page % pageSize !== 0n || page < start || page + pageSize > end) {
      problems.push(
        `HYPERCALL_PAGE is ${hex(page)}; right would be a page inside the kernel at ${hex(start)} to ${hex(end)}.`,
      );
    } else {
      boot.hypercallPage = Number(page - virtBase);
    }
  }
  if (xen.initP2m !== undefined) {
    if (xen.initP2m >= start && xen.initP2m < end) {
      problems.push(
        `INIT_P2M is ${hex(xen.initP2m)}, inside the kernel at ${hex(start)} to ${hex(end)}; it must lie outside.`,
      );
    } else if (xen.initP2m < virtBase && xen.initP2m % pageSize === 0n) {
      boot.initP2m = xen.initP2m;
    }
  }
  return boot;
}
