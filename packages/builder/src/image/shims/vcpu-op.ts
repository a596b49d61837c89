import {
  CR0,
  CR4,
  cpuUserRegs,
  EFER,
  HYPERCALL,
  RFLAGS,
  VCPU_HVM_MODE,
  VCPUOP,
  vcpuGuestContext,
  vcpuHvmContext,
} from "@pvh/abi";
import { dword, type Instruction, instruction as ins, type Line } from "../machine-code.ts";
import { call, plainCall, pop, push, RET } from "./calls.ts";

/** vcpu_op(edi = command, esi = vCPU, rdx = argument): all but VCPUOP_initialise is as it was. */
export function vcpuOp(trap: Instruction): Line[] {
  return [
    ins(`cmp edi, ${VCPUOP.initialise}`, 0x83, 0xff, VCPUOP.initialise),
    { jump: "jz", to: "initialise_vcpu" },
    ...plainCall(HYPERCALL.vcpu_op, trap),
  ];
}

/**
 * The control registers of a further vCPU: long mode as the first one's (classic/context.ts). Besides PAE, CR4 has PSE and
 * PGE: Linux 4.10 thinks they are on, and flushes global pages by turning PGE off and on. Xen refuses (-EINVAL) bits of
 * CR4 that the domain's CPUID does not show, so its policy must leave PSE and PGE, and sets LMA for LME by itself.
 */
const CONTROL = {
  cr0: Number(CR0.PE | CR0.ET | CR0.PG),
  cr4: Number(CR4.PAE | CR4.PSE | CR4.PGE),
  efer: Number(EFER.LME | EFER.LMA),
} as const;

/**
 * VCPUOP_initialise: a classic guest passes `vcpu_guest_context`, Xen takes `vcpu_hvm_context`. This one is pushed from its
 * end to its beginning. It has no place for r8 to r15, debug registers and the FPU, and the vCPU does not run before
 * VCPUOP_up, whatever VGCF_online says; Linux and FreeBSD need none of that. Selectors, descriptor tables, bases of FS and
 * GS, and control registers other than CR3 were refused by Xen 4.4 to 4.8, so no guest sets them.
 */
export function initialiseVcpu(trap: Instruction): Line[] {
  return [
    { label: "initialise_vcpu" },
    push.rdi,
    push.rsi,
    push.rdx,
    // x86_64 is 8 bytes shorter than the union that it is in.
    ins("push 0", 0x6a, 0),
    ins(`push ${CONTROL.efer}`, 0x68, ...dword(CONTROL.efer)),
    ins(`push ${CONTROL.cr4}`, 0x68, ...dword(CONTROL.cr4)),
    pushField(CR3_OFFSET),
    // A push would extend the sign of bit 31.
    ins(`mov eax, ${CONTROL.cr0}`, 0xb8, ...dword(CONTROL.cr0)),
    push.rax,
    ins(`mov rax, QWORD PTR [rdx+${register("rflags")}]`, 0x48, 0x8b, 0x82, ...dword(register("rflags"))),
    // Linux passes 0, but the bit that always reads 1 must be set where a vCPU is entered.
    ins(`or rax, ${RFLAGS.FIXED}`, 0x48, 0x83, 0xc8, Number(RFLAGS.FIXED)),
    push.rax,
    ...(["rip", "rdi", "rsi", "rbp", "rsp", "rbx", "rdx", "rcx", "rax"] as const).map((name) =>
      pushField(register(name)),
    ),
    // mode, and pad above it.
    ins(`push ${VCPU_HVM_MODE.MODE_64B}`, 0x6a, VCPU_HVM_MODE.MODE_64B),
    ins("mov rdx, rsp", 0x48, 0x89, 0xe2),
    ...call(HYPERCALL.vcpu_op, trap),
    ins(`add rsp, ${vcpuHvmContext.size}`, 0x48, 0x81, 0xc4, ...dword(vcpuHvmContext.size)),
    pop.rdx,
    pop.rsi,
    pop.rdi,
    RET,
  ];
}

const CR3_OFFSET = vcpuGuestContext.fields.ctrlreg.offset + 3 * 8;

function register(name: keyof typeof cpuUserRegs.fields): number {
  return vcpuGuestContext.fields.user_regs.offset + cpuUserRegs.fields[name].offset;
}

/** Pushes 8 bytes of the structure at rdx. */
function pushField(offset: number): Instruction {
  return ins(`push QWORD PTR [rdx+${offset}]`, 0xff, 0xb2, ...dword(offset));
}
