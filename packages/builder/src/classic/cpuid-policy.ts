import {
  CPUID_1_ECX,
  CPUID_1_EDX,
  CPUID_7_EBX,
  CPUID_EXT1_ECX,
  CPUID_EXT1_EDX,
  XEN_CPUID_NO_SUBLEAF,
} from "@pvh/abi";

const REGISTERS = ["eax", "ebx", "ecx", "edx"] as const;

/** Numbers of bits that the guest reads as 0, by register. */
interface HiddenBits extends Partial<Record<(typeof REGISTERS)[number], readonly number[]>> {
  leaf: number;
  subleaf?: number;
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const ALL = range(0, 31);
const allBut = (bits: readonly number[]) => ALL.filter((bit) => !bits.includes(bit));
const of = <T extends Record<string, number>>(bits: T, ...names: readonly (keyof T)[]) =>
  names.map((name) => bits[name]);

/**
 * What a classic guest does not see on a Xen of today: what Xen 4.5 and 4.6 hid from it (xc_cpuid_pv_policy), and how cores
 * are packaged. Leaves 5, 0xb (without x2APIC) and 0x8000000a to 0x8000001e Xen hides by itself.
 *
 * MTRR must go for several vCPUs: Linux sets them on all vCPUs at once when one comes up, while the first one waits for
 * that one in a hypercall, and both wait for ever. SMEP, SMAP, UMIP, protection keys and AVX-512 go with leaf 7, and with
 * its EDX what the host has against speculation: these kernels had none of it on the Xen that they were made for.
 *
 * One core a package: Xen makes APIC ids of twice the vCPU's number and leaves as many cores as the host has, so that
 * Linux 4.9 finds more packages than it counted, and stops, with three vCPUs or more (topology_update_package_map).
 */
const HIDDEN: readonly HiddenBits[] = [
  {
    leaf: 1,
    ecx: [
      ...of(CPUID_1_ECX, "DTES64", "MONITOR", "DSCPL", "VMX", "SMX", "EIST", "TM2", "XTPR", "PDCM", "PCID"),
      ...of(CPUID_1_ECX, "DCA", "X2APIC", "TSC_DEADLINE"),
    ],
    edx: of(CPUID_1_EDX, "VME", "MCE", "MTRR", "MCA", "PSE36", "DS", "HTT", "TM1", "PBE"),
  },
  // Intel: how many threads share the cache, how many cores a package has. Linux asks the first sub-leaf for cores.
  { leaf: 4, subleaf: 0, eax: range(14, 31) },
  {
    leaf: 7,
    subleaf: 0,
    // The number of the last sub-leaf.
    eax: ALL,
    ebx: allBut(of(CPUID_7_EBX, "FSGSBASE", "BMI1", "HLE", "AVX2", "BMI2", "ERMS", "RTM", "RDSEED", "ADX")),
    ecx: ALL,
    edx: ALL,
  },
  { leaf: 0xa, eax: ALL, ebx: ALL, ecx: ALL, edx: ALL },
  {
    leaf: 0x80000001,
    ecx: [
      ...of(CPUID_EXT1_ECX, "CMP_LEGACY", "SVM", "OSVW", "IBS", "SKINIT", "WDT", "LWP", "NODEID_MSR"),
      ...of(CPUID_EXT1_ECX, "TOPOEXT"),
    ],
    edx: of(CPUID_EXT1_EDX, "RDTSCP"),
  },
  // AMD: cores of a package, how many bits of the APIC id number them.
  { leaf: 0x80000008, ecx: [...range(0, 7), ...range(12, 15)] },
];

/** `struct xc_xend_cpuid` (xenctrl.h): a change of one leaf. */
export interface CpuidChange {
  leaf: number;
  /** XEN_CPUID_NO_SUBLEAF where the leaf has none. */
  subleaf: number;
  /**
   * EAX, EBX, ECX, EDX: a character for each bit, bit 31 first, `0` for off and `x` for default; null leaves the register
   * as it is.
   */
  policy: readonly [string | null, string | null, string | null, string | null];
}

/**
 * What `xc_cpuid_apply_policy` is to change in the policy of a domain that runs a classic guest. It wants the array ended
 * by a leaf XEN_CPUID_INPUT_UNUSED.
 *
 * As libxc 4.17 to 4.22 takes it (xc_cpuid_xend_policy, tools/libs/guest/xg_cpuid_x86.c):
 *
 * - A leaf that the host's, the default or the domain's policy lacks fails the whole call (-EINVAL), so leaves above
 *   `maxLeaf` are left out. Policies have the basic leaves up to the maximum, of leaf 4 those sub-leaves that there are.
 * - `x` is the bit of the default policy, not of the domain's. What libxc itself has changed before in a register with a
 *   string (HTT, CMP_LEGACY, VMX, SVM; threads and cores of leaf 4 and 0x80000008) would come back, so it is all hidden.
 *
 * @param maxLeaf the last basic leaf of the host's processors, `cpuid level` of /proc/cpuinfo; by default that of those
 * with hardware-assisted paging since Intel's Nehalem and AMD's Bulldozer, as far as it matters
 */
export function classicCpuPolicy({ maxLeaf = 0xa } = {}): CpuidChange[] {
  return HIDDEN.filter(({ leaf }) => leaf >= 0x80000000 || leaf <= maxLeaf).map((hidden) => {
    const { leaf, subleaf = XEN_CPUID_NO_SUBLEAF } = hidden;
    const [eax, ebx, ecx, edx] = REGISTERS.map((register) => policyText(hidden[register]));
    return { leaf, subleaf, policy: [eax ?? null, ebx ?? null, ecx ?? null, edx ?? null] };
  });
}

function policyText(hidden: readonly number[] | undefined): string | null {
  if (hidden === undefined) return null;
  return ALL.map((bit) => (hidden.includes(bit) ? "0" : "x"))
    .reverse()
    .join("");
}
