import { HVMOP, HYPERCALL, MMUEXT, mmuextOp } from "@pvh/abi";
import { dword, type Instruction, instruction as ins, type Line } from "../machine-code.ts";
import { call, plainCall, pop, push, RET } from "./calls.ts";

/**
 * mmuext_op(rdi = operations, esi = their number, rdx = where to store how many were done, r10d = domain): Xen does none
 * of them for HVM containers. Linux before 4.4 flushes the TLBs of its other vCPUs by it. When all operations are
 * flushes, of one page or all, here or everywhere, every vCPU's TLB is flushed, which is allowed to a flush of less.
 */
export function mmuextOps(trap: Instruction): Line[] {
  const first = MMUEXT.TLB_FLUSH_LOCAL;
  const span = MMUEXT.INVLPG_ALL - first;
  return [
    { label: "mmuext_op" },
    push.rdi,
    push.rsi,
    { label: "next_operation" },
    ins("test esi, esi", 0x85, 0xf6),
    { jump: "jz", to: "flush" },
    ins("mov eax, DWORD PTR [rdi]", 0x8b, 0x07),
    ins(`sub eax, ${first}`, 0x83, 0xe8, first),
    ins(`cmp eax, ${span}`, 0x83, 0xf8, span),
    { jump: "ja", to: "plain" },
    ins(`add rdi, ${mmuextOp.size}`, 0x48, 0x83, 0xc7, mmuextOp.size),
    ins("dec esi", 0xff, 0xce),
    { jump: "jmp", to: "next_operation" },

    { label: "flush" },
    // hvm_op(HVMOP_flush_tlbs, NULL)
    ins(`mov edi, ${HVMOP.flush_tlbs}`, 0xbf, ...dword(HVMOP.flush_tlbs)),
    ins("xor esi, esi", 0x31, 0xf6),
    ...call(HYPERCALL.hvm_op, trap),
    pop.rsi,
    pop.rdi,
    ins("test rax, rax", 0x48, 0x85, 0xc0),
    { jump: "jnz", to: "mmuext_done" },
    ins("test rdx, rdx", 0x48, 0x85, 0xd2),
    { jump: "jz", to: "mmuext_done" },
    ins("mov DWORD PTR [rdx], esi", 0x89, 0x32),
    { label: "mmuext_done" },
    RET,

    { label: "plain" },
    pop.rsi,
    pop.rdi,
    ...plainCall(HYPERCALL.mmuext_op, trap),
  ];
}
