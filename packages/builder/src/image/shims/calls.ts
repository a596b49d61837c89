import { dword, type Instruction, instruction as ins } from "../machine-code.ts";

/** What all stubs and shims are made of. */

export const RET = ins("ret", 0xc3);

/** Makes a hypercall; its arguments are in rdi, rsi, rdx, r10, r8, and its result comes in rax. */
export function call(nr: number, trap: Instruction): Instruction[] {
  return [ins(`mov eax, ${nr}`, 0xb8, ...dword(nr)), trap];
}

/** What an ordinary stub does. */
export function plainCall(nr: number, trap: Instruction): Instruction[] {
  return [...call(nr, trap), RET];
}

export const push = {
  rax: ins("push rax", 0x50),
  rdx: ins("push rdx", 0x52),
  rsi: ins("push rsi", 0x56),
  rdi: ins("push rdi", 0x57),
} as const;

export const pop = {
  rdx: ins("pop rdx", 0x5a),
  rsi: ins("pop rsi", 0x5e),
  rdi: ins("pop rdi", 0x5f),
} as const;
