import {
  CR0,
  CR4,
  EFER,
  RFLAGS,
  SEGMENT,
  SEGMENT_ATTRIBUTES,
  VCPU_HVM_MODE,
  vcpuGuestContext,
  vcpuHvmContext,
  vcpuHvmX86_32,
  vcpuHvmX86_64,
} from "@pvh/abi";
import type { VcpuContext } from "@pvh/builder";
import { CONTEXT_DEFAULTS, classicContext, registers, segment } from "@pvh/builder/context";

/** First states of the vCPUs that the guest starts itself. */

/** From the vcpu_guest_context of a classic guest; see {@link refusedGuestContext} for what it may say. */
export function fromGuestContext(bytes: Uint8Array): VcpuContext {
  const { user_regs: regs, ctrlreg, debugreg } = vcpuGuestContext.decode(bytes);
  const base = classicContext({ entry: regs.rip, startInfo: regs.rsi, stackTop: regs.rsp, pageTables: 0 });
  return {
    ...base,
    registers: {
      rax: regs.rax,
      rbx: regs.rbx,
      rcx: regs.rcx,
      rdx: regs.rdx,
      rsi: regs.rsi,
      rdi: regs.rdi,
      rsp: regs.rsp,
      rbp: regs.rbp,
      r8: regs.r8,
      r9: regs.r9,
      r10: regs.r10,
      r11: regs.r11,
      r12: regs.r12,
      r13: regs.r13,
      r14: regs.r14,
      r15: regs.r15,
      rip: regs.rip,
      rflags: allowedFlags(regs.rflags),
    },
    cr3: ctrlreg[3] ?? 0n,
    dr7: debugreg[7] === 0n ? base.dr7 : (debugreg[7] ?? 0n),
  };
}

/** What Xen 4.4-4.8 wanted to be zero of a classic guest's context (arch_set_info_guest). */
export function refusedGuestContext(bytes: Uint8Array): boolean {
  const context = vcpuGuestContext.decode(bytes);
  const { cs, ss, es, ds, fs, gs } = context.user_regs;
  const { ldt_base, ldt_ents, kernel_ss, kernel_sp, gs_base_kernel, gdt_ents, fs_base, gs_base_user } =
    context;
  const selectors = [cs, ss, es, ds, fs, gs];
  const others = [ldt_base, ldt_ents, kernel_ss, kernel_sp, gs_base_kernel, gdt_ents, fs_base, gs_base_user];
  return (
    selectors.some((selector) => selector !== 0) ||
    others.some((value) => value !== 0n) ||
    context.ctrlreg.some((value, i) => i !== 3 && value !== 0n)
  );
}

/** From the vcpu_hvm_context of a direct guest. */
export function fromHvmContext(bytes: Uint8Array): VcpuContext {
  const { mode, cpu_regs } = vcpuHvmContext.decode(bytes);
  return mode === VCPU_HVM_MODE.MODE_64B ? from64(cpu_regs) : from32(cpu_regs);
}

/** Whether Xen would answer -EINVAL (arch/x86/hvm/domain.c, arch_set_info_hvm_guest). */
export function refusedHvmContext(bytes: Uint8Array): boolean {
  const { mode, pad, cpu_regs } = vcpuHvmContext.decode(bytes);
  if (pad !== 0) return true;
  if (mode === VCPU_HVM_MODE.MODE_64B) {
    const { rip, cr0, cr4, efer } = vcpuHvmX86_64.decode(cpu_regs.subarray(0, vcpuHvmX86_64.size));
    if (refusedControl(cr4, efer)) return true;
    const canonical = BigInt.asIntN(48, rip) === BigInt.asIntN(64, rip);
    return !canonical || (cr0 & CR0.PG) === 0n || (cr4 & CR4.PAE) === 0n || (efer & EFER.LME) === 0n;
  }
  if (mode !== VCPU_HVM_MODE.MODE_32B) return true;
  const regs = vcpuHvmX86_32.decode(cpu_regs);
  if (regs.pad1 !== 0 || regs.pad2.some((pad) => pad !== 0)) return true;
  if (refusedControl(BigInt(regs.cr4), regs.efer)) return true;
  const { cs_ar, ds_ar, ss_ar, es_ar, tr_ar, cs_limit, eip } = regs;
  const bad =
    refusedSegment(cs_ar, (type) => (type & TYPE.code) !== 0) ||
    refusedSegment(ss_ar, (type) => (type & TYPE.code) === 0 && (type & TYPE.second) !== 0) ||
    [ds_ar, es_ar].some(
      (ar) =>
        ar !== 0 && refusedSegment(ar, (type) => (type & TYPE.code) === 0 || (type & TYPE.second) !== 0),
    ) ||
    refusedTask(tr_ar);
  const dpl = (ar: number) => (ar >> SEGMENT.DPL_SHIFT) & 3;
  return (
    bad ||
    eip > byteLimit(cs_limit, cs_ar) ||
    dpl(ss_ar) !== dpl(cs_ar) ||
    [ds_ar, es_ar].some((ar) => (ar & SEGMENT.P) !== 0 && dpl(ar) > dpl(cs_ar))
  );
}

const KNOWN_CR4 = Object.values(CR4).reduce((mask, bit) => mask | bit, 0n);
const KNOWN_EFER = EFER.SCE | EFER.LME | EFER.LMA | EFER.NXE;

/** Bits that no processor has, or that make no mode together. */
function refusedControl(cr4: bigint, efer: bigint): boolean {
  const active = (efer & EFER.LMA) !== 0n && (efer & EFER.LME) === 0n;
  return (cr4 & ~KNOWN_CR4) !== 0n || (efer & ~KNOWN_EFER) !== 0n || active;
}

/** Bits of a segment's type: it is code; it is readable code or writable data. */
const TYPE = { code: 8, second: 2 } as const;

function refusedSegment(ar: number, fits: (type: number) => boolean): boolean {
  const there = ar >> 12 === 0 && (ar & SEGMENT.S) !== 0 && (ar & SEGMENT.P) !== 0;
  return !there || !fits(ar & SEGMENT.TYPE_MASK);
}

function refusedTask(ar: number): boolean {
  const busy = ar | 2;
  return (
    (busy & (SEGMENT.S | SEGMENT.P | SEGMENT.TYPE_MASK)) !== (SEGMENT_ATTRIBUTES.TSS_BUSY & 0x9f) ||
    ar >> 12 !== 0
  );
}

/** Limits count pages when the segment is granular; some callers give bytes all the same. */
function byteLimit(limit: number, ar: number): number {
  return (ar & SEGMENT.G) !== 0 && limit <= 0xfffff ? limit * 4096 + 0xfff : limit;
}

function from64(bytes: Uint8Array): VcpuContext {
  const regs = vcpuHvmX86_64.decode(bytes.subarray(0, vcpuHvmX86_64.size));
  const { rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, rip } = regs;
  const data = segment(SEGMENT_ATTRIBUTES.DATA, 0xffffffff);
  return {
    ...CONTEXT_DEFAULTS,
    registers: registers({ rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, rip, rflags: allowedFlags(regs.rflags) }),
    segments: {
      ...resetSegments(),
      cs: segment(SEGMENT_ATTRIBUTES.CODE64, 0xffffffff),
      ds: data,
      es: data,
      ss: data,
      tr: segment(SEGMENT_ATTRIBUTES.TSS_BUSY, 0x67),
    },
    cr0: regs.cr0 | CR0.ET,
    cr3: regs.cr3,
    cr4: regs.cr4,
    efer: regs.efer | EFER.LMA,
  };
}

function from32(bytes: Uint8Array): VcpuContext {
  const regs = vcpuHvmX86_32.decode(bytes);
  const wide = (value: number) => BigInt(value);
  const part = (base: number, limit: number, attributes: number) => ({
    selector: 0,
    base: wide(base),
    limit: byteLimit(limit, attributes),
    attributes,
  });
  const { eax, ecx, edx, ebx, esp, ebp, esi, edi, eip, eflags } = regs;
  const paged64 = (wide(regs.cr0) & CR0.PG) !== 0n && (regs.efer & EFER.LME) !== 0n;
  return {
    ...CONTEXT_DEFAULTS,
    registers: registers({
      rax: wide(eax),
      rcx: wide(ecx),
      rdx: wide(edx),
      rbx: wide(ebx),
      rsp: wide(esp),
      rbp: wide(ebp),
      rsi: wide(esi),
      rdi: wide(edi),
      rip: wide(eip),
      rflags: allowedFlags(wide(eflags)),
    }),
    segments: {
      ...resetSegments(),
      cs: part(regs.cs_base, regs.cs_limit, regs.cs_ar),
      ds: part(regs.ds_base, regs.ds_limit, regs.ds_ar),
      ss: part(regs.ss_base, regs.ss_limit, regs.ss_ar),
      es: part(regs.es_base, regs.es_limit, regs.es_ar),
      tr: part(regs.tr_base, regs.tr_limit, regs.tr_ar | 2),
    },
    cr0: wide(regs.cr0) | CR0.ET,
    cr3: wide(regs.cr3),
    cr4: wide(regs.cr4),
    efer: paged64 ? regs.efer | EFER.LMA : regs.efer,
  };
}

/** Real mode at `vector` * 4 KiB, as a start-up IPI begins it. */
export function fromStartup(vector: number): VcpuContext {
  const real = segment(REAL_DATA, 0xffff);
  return {
    ...CONTEXT_DEFAULTS,
    registers: registers({ rdx: 0x600n }),
    segments: {
      ...resetSegments(),
      cs: { selector: vector << 8, base: BigInt(vector) << 12n, limit: 0xffff, attributes: REAL_CODE },
      ds: real,
      es: real,
      ss: real,
      fs: real,
      gs: real,
    },
    gdt: { base: 0n, limit: 0xffff },
    idt: { base: 0n, limit: 0xffff },
    cr0: CR0.ET,
    cr3: 0n,
    cr4: 0n,
    efer: 0n,
  };
}

const REAL_CODE = 0x9b;
const REAL_DATA = 0x93;

function resetSegments(): VcpuContext["segments"] {
  const real = segment(REAL_DATA, 0xffff);
  return {
    cs: segment(REAL_CODE, 0xffff),
    ds: real,
    es: real,
    fs: real,
    gs: real,
    ss: real,
    tr: segment(SEGMENT_ATTRIBUTES.TSS_BUSY, 0xffff),
    ldtr: segment(SEGMENT_ATTRIBUTES.LDT, 0xffff),
  };
}

/** VM86 mode and the reserved bits are not for guests to begin with; bit 1 always reads 1. */
function allowedFlags(flags: bigint): bigint {
  return (flags & 0x3f7fd5n) | RFLAGS.FIXED;
}
