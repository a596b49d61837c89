import {
  type CpuidEntry,
  XEN_CPUID_BASE,
  XEN_CPUID_LEAF,
  XEN_CPUID_MAX_NUM_LEAVES,
  XEN_CPUID_SIGNATURE,
  XEN_HVM_CPUID,
  XEN_HYPERCALL_MSR,
} from "@pvh/abi";
import type { BootInterface } from "@pvh/builder";
import { type CpuidEdit, cpuidEntry, editCpuid, forVcpu, withoutHypervisorLeaves } from "../cpuid.ts";
import { personalityOf } from "./personality.ts";

const bits = (...numbers: number[]) => numbers.reduce((mask, bit) => mask | (1 << bit), 0) >>> 0;
const allBut = (...numbers: number[]) => ~bits(...numbers) >>> 0;

/** 5-level paging is not Xen's: hypercall arguments are walked, and guests are built, with four. */
const NO_LA57: CpuidEdit = { leaf: 7, register: "ecx", keep: allBut(16) };

/** A local APIC and x2APIC, which are modelled here; no TSC deadline, which is not. */
const LOCAL_APIC: CpuidEdit[] = [
  { leaf: 1, register: "edx", set: bits(9) },
  { leaf: 1, register: "ecx", keep: allBut(24), set: bits(21) },
];

/** No nested virtualization: VMX, SVM. */
const NO_NESTING: CpuidEdit[] = [
  { leaf: 1, register: "ecx", keep: allBut(5) },
  { leaf: 0x80000001, register: "ecx", keep: allBut(2) },
];

/** What Xen 4.5 and 4.6 took from a PVHv1 guest's CPUID (xc_cpuid_pv_policy; docs/misc/pvh.markdown). */
const CLASSIC: CpuidEdit[] = [
  // VME MCE MCA MTRR PSE36 DS ACC PBE
  { leaf: 1, register: "edx", keep: allBut(1, 7, 14, 12, 17, 21, 29, 31) },
  // DTES64 MONITOR DSCPL VMX SMX EST TM2 xTPR PDCM PCID DCA X2APIC TSC-DEADLINE
  { leaf: 1, register: "ecx", keep: allBut(2, 3, 4, 5, 6, 7, 8, 14, 15, 17, 18, 21, 24) },
  // Only BMI1 HLE AVX2 BMI2 ERMS RTM RDSEED ADX FSGSBASE
  { leaf: 7, register: "ebx", keep: bits(3, 4, 5, 8, 9, 11, 18, 19, 0) },
  { leaf: 7, register: "ecx", keep: 0 },
  { leaf: 7, register: "edx", keep: 0 },
  // SVM OSVW IBS SKINIT WDT LWP NODEID TOPOEXT
  { leaf: 0x80000001, register: "ecx", keep: allBut(2, 9, 10, 12, 13, 15, 19, 22) },
  // RDTSCP, PAGE1GB
  { leaf: 0x80000001, register: "edx", keep: allBut(27, 26) },
];
const CLASSIC_ZERO_LEAVES = [5, 0xa, 0xb, 0x8000000a, 0x8000001b, 0x8000001c, 0x8000001e];

export interface XenCpuidInput {
  supported: readonly CpuidEntry[];
  bootInterface: BootInterface;
  domid: number;
  vcpu: number;
  vcpus: number;
  /** Frequency of the guest's TSC. */
  tscKhz: number;
}

/** The leaves of a vCPU on the xen platform: the host's, without KVM's, with Xen's. */
export function xenCpuid(input: XenCpuidInput): CpuidEntry[] {
  const { supported, bootInterface, vcpu, vcpus } = input;
  const host = withoutHypervisorLeaves(supported);
  const classic = bootInterface === "classic";
  const kept = classic ? host.filter((entry) => !CLASSIC_ZERO_LEAVES.includes(entry.function)) : host;
  const edits = classic ? CLASSIC : [...NO_NESTING, ...LOCAL_APIC];
  // Xen numbers the local APICs of a guest by twos.
  const apicId = classic ? vcpu : 2 * vcpu;
  return [...forVcpu(editCpuid(kept, [...edits, NO_LA57]), apicId, vcpus), ...xenLeaves(input)];
}

function xenLeaves({ domid, bootInterface, vcpu, tscKhz }: XenCpuidInput): CpuidEntry[] {
  const personality = personalityOf(bootInterface);
  const leaf = (offset: number) => XEN_CPUID_BASE + offset;
  const { EBX: ebx, ECX: ecx, EDX: edx } = XEN_CPUID_SIGNATURE;
  const { multiplier, shift } = tscToNanoseconds(tscKhz);
  const { VCPU_ID_PRESENT, DOMID_PRESENT } = XEN_HVM_CPUID;
  const hvm =
    bootInterface === "direct" ? { eax: VCPU_ID_PRESENT | DOMID_PRESENT, ebx: vcpu, ecx: domid } : {};
  return [
    cpuidEntry(leaf(XEN_CPUID_LEAF.signature), { eax: leaf(XEN_CPUID_MAX_NUM_LEAVES), ebx, ecx, edx }),
    cpuidEntry(leaf(XEN_CPUID_LEAF.version), { eax: (personality.major << 16) | personality.minor }),
    // One page, filled by writing its address to this MSR.
    cpuidEntry(leaf(XEN_CPUID_LEAF.hypercall), { eax: 1, ebx: XEN_HYPERCALL_MSR }),
    // The TSC: not emulated, mode 0; its frequency; how to make nanoseconds of it; the host's frequency.
    cpuidEntry(leaf(XEN_CPUID_LEAF.tsc), { ecx: tscKhz }, 0),
    cpuidEntry(leaf(XEN_CPUID_LEAF.tsc), { ecx: multiplier, edx: shift & 0xff }, 1),
    cpuidEntry(leaf(XEN_CPUID_LEAF.tsc), { eax: tscKhz }, 2),
    cpuidEntry(leaf(XEN_CPUID_LEAF.hvm), hvm, 0),
    cpuidEntry(leaf(XEN_CPUID_LEAF.pv), {}, 0),
  ];
}

/** pvclock's scale: ns = ((tsc << shift) * multiplier) >> 32, a negative shift being one to the right. */
export function tscToNanoseconds(tscKhz: number): { multiplier: number; shift: number } {
  if (tscKhz <= 0) return { multiplier: 0, shift: 0 };
  let shift = 0;
  let ratio = 1e6 / tscKhz;
  for (; ratio >= 1; shift++) ratio /= 2;
  for (; ratio < 0.5; shift--) ratio *= 2;
  return { multiplier: Math.floor(ratio * 2 ** 32) >>> 0, shift };
}
