/**
 * Feature bits of CPUID by leaf and register, as far as they are used; names as in Xen's
 * public/arch-x86/cpufeatureset.h.
 */

export const CPUID_1_ECX = {
  DTES64: 2,
  MONITOR: 3,
  DSCPL: 4,
  VMX: 5,
  SMX: 6,
  EIST: 7,
  TM2: 8,
  XTPR: 14,
  PDCM: 15,
  PCID: 17,
  DCA: 18,
  X2APIC: 21,
  TSC_DEADLINE: 24,
} as const;

export const CPUID_1_EDX = {
  VME: 1,
  PSE: 3,
  PAE: 6,
  MCE: 7,
  APIC: 9,
  MTRR: 12,
  PGE: 13,
  MCA: 14,
  PSE36: 17,
  DS: 21,
  HTT: 28,
  TM1: 29,
  PBE: 31,
} as const;

/** Leaf 7, sub-leaf 0. */
export const CPUID_7_EBX = {
  FSGSBASE: 0,
  BMI1: 3,
  HLE: 4,
  AVX2: 5,
  SMEP: 7,
  BMI2: 8,
  ERMS: 9,
  RTM: 11,
  RDSEED: 18,
  ADX: 19,
  SMAP: 20,
} as const;

/** Leaf 0x80000001. */
export const CPUID_EXT1_ECX = {
  CMP_LEGACY: 1,
  SVM: 2,
  OSVW: 9,
  IBS: 10,
  SKINIT: 12,
  WDT: 13,
  LWP: 15,
  NODEID_MSR: 19,
  TOPOEXT: 22,
} as const;

export const CPUID_EXT1_EDX = { SYSCALL: 11, NX: 20, RDTSCP: 27, LM: 29 } as const;
