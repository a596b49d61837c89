import { RESET_VALUE, RFLAGS } from "@pvh/abi";
import type { GeneralRegister, SegmentRegister, VcpuContext } from "./image.ts";

export function segment(attributes: number, limit: number): SegmentRegister {
  return { selector: 0, base: 0n, limit, attributes };
}

/** General registers, all zero but for the given ones and the bit of RFLAGS that always reads 1. */
export function registers(values: Partial<Record<GeneralRegister, bigint>>): VcpuContext["registers"] {
  return {
    rax: 0n,
    rbx: 0n,
    rcx: 0n,
    rdx: 0n,
    rsi: 0n,
    rdi: 0n,
    rsp: 0n,
    rbp: 0n,
    r8: 0n,
    r9: 0n,
    r10: 0n,
    r11: 0n,
    r12: 0n,
    r13: 0n,
    r14: 0n,
    r15: 0n,
    rip: 0n,
    rflags: RFLAGS.FIXED,
    ...values,
  };
}

/** What both entry states share: no descriptor tables, debugging off, PAT as after reset. */
export const CONTEXT_DEFAULTS = {
  gdt: { base: 0n, limit: 0 },
  idt: { base: 0n, limit: 0 },
  cr2: 0n,
  pat: RESET_VALUE.PAT,
  dr6: RESET_VALUE.DR6,
  dr7: RESET_VALUE.DR7,
  kernelGsBase: 0n,
} as const satisfies Partial<VcpuContext>;
