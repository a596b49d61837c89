import { type CpuidEntry, KVM_CPUID_FLAG_SIGNIFICANT_INDEX, kvmCpuid2, kvmCpuidEntry } from "@pvh/abi";
import { PvhError } from "@pvh/errors";
import { kvmCallWith } from "./host/kvm.ts";

/** Hypervisor leaves stand in [0x40000000, 0x40010000). */
const HYPERVISOR_FIRST = 0x40000000;
const HYPERVISOR_END = 0x40010000;

const MAX_ENTRIES = 256;

/** All leaves that the host's KVM can give a guest, KVM's own hypervisor leaves included. */
export function supportedCpuid(kvmFd: number): CpuidEntry[] {
  const argument = new Uint8Array(kvmCpuid2.size + MAX_ENTRIES * kvmCpuidEntry.size);
  kvmCpuid2.writeTo(argument, 0, { nent: MAX_ENTRIES });
  kvmCallWith(kvmFd, "KVM_GET_SUPPORTED_CPUID", argument);
  const { nent } = kvmCpuid2.decode(argument);
  return Array.from({ length: Math.min(nent, MAX_ENTRIES) }, (_, i) =>
    kvmCpuidEntry.decode(argument, kvmCpuid2.size + i * kvmCpuidEntry.size),
  );
}

/** The argument of KVM_SET_CPUID2. */
export function encodeCpuid(entries: readonly CpuidEntry[]): Uint8Array {
  if (entries.length > MAX_ENTRIES) {
    throw new PvhError("INTERNAL", `${entries.length} CPUID leaves are more than ${MAX_ENTRIES}.`);
  }
  const argument = new Uint8Array(kvmCpuid2.size + entries.length * kvmCpuidEntry.size);
  kvmCpuid2.writeTo(argument, 0, { nent: entries.length });
  entries.forEach((entry, i) => {
    kvmCpuidEntry.writeTo(argument, kvmCpuid2.size + i * kvmCpuidEntry.size, entry);
  });
  return argument;
}

/** The leaves without those by which a guest would find KVM. */
export function withoutHypervisorLeaves(entries: readonly CpuidEntry[]): CpuidEntry[] {
  return entries.filter((entry) => entry.function < HYPERVISOR_FIRST || entry.function >= HYPERVISOR_END);
}

export type CpuidRegister = "eax" | "ebx" | "ecx" | "edx";

/** A change of one register of a leaf; `keep` bits stay (default: all), then `set` bits are set. */
export interface CpuidEdit {
  leaf: number;
  register: CpuidRegister;
  keep?: number;
  set?: number;
}

/** Applies the edits to every sub-leaf. A leaf that the host does not have stays absent. */
export function editCpuid(entries: readonly CpuidEntry[], edits: readonly CpuidEdit[]): CpuidEntry[] {
  return entries.map((entry) => {
    const changed = { ...entry };
    for (const { leaf, register, keep = 0xffffffff, set = 0 } of edits) {
      if (entry.function === leaf) changed[register] = ((changed[register] & keep) | set) >>> 0;
    }
    return changed;
  });
}

/** Every leaf as that processor reads it: its APIC id, and a package of `vcpus` cores with one thread each. */
export function forVcpu(entries: readonly CpuidEntry[], apicId: number, vcpus: number): CpuidEntry[] {
  return entries.map((entry) => {
    const leaf = { ...entry };
    switch (leaf.function) {
      case 1:
        // Initial APIC id and number of logical processors; ECX bit 31: running under a hypervisor.
        leaf.ebx = ((leaf.ebx & 0xffff) | ((apicId & 0xff) << 24) | (Math.min(vcpus, 255) << 16)) >>> 0;
        leaf.ecx = (leaf.ecx | (1 << 31)) >>> 0;
        leaf.edx = vcpus > 1 ? leaf.edx | (1 << 28) : leaf.edx & ~(1 << 28);
        leaf.edx >>>= 0;
        break;
      case 4:
        // Cores of the package (bits 26-31) and threads that share the cache (bits 14-25), both minus 1.
        leaf.eax = ((leaf.eax & 0x3fff) | (leaf.eax & 0x1f && (Math.min(vcpus, 64) - 1) << 26)) >>> 0;
        break;
      case 0xb:
      case 0x1f:
        leaf.edx = apicId;
        break;
      case 0x80000008:
        // Threads of the package minus 1, and how many bits of the APIC id number them.
        leaf.ecx = ((leaf.ecx & 0xffff0f00) | (vcpus - 1)) >>> 0;
        break;
      case 0x8000001e:
        leaf.eax = apicId;
        leaf.ebx = (leaf.ebx & 0xffff0000) >>> 0;
        leaf.ecx = 0;
        break;
    }
    return leaf;
  });
}

/** A leaf without sub-leaves, or one sub-leaf when `index` is given. */
export function cpuidEntry(
  leaf: number,
  registers: Partial<Record<CpuidRegister, number>>,
  index?: number,
): CpuidEntry {
  return {
    function: leaf,
    index: index ?? 0,
    flags: index === undefined ? 0 : KVM_CPUID_FLAG_SIGNIFICANT_INDEX,
    eax: 0,
    ebx: 0,
    ecx: 0,
    edx: 0,
    ...registers,
  };
}
