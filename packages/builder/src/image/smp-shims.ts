import { HYPERCALL, HYPERCALL_STUB_SIZE, PAGE_SIZE } from "@pvh/abi";
import type { Fragment, Instruction } from "./machine-code.ts";
import { mmuextOps } from "./shims/mmuext-op.ts";
import { initialiseVcpu, vcpuOp } from "./shims/vcpu-op.ts";
import { xenVersion } from "./shims/xen-version.ts";

/** The slots from here on have numbers above all hypercalls. */
export const SHIM_AREA = PAGE_SIZE / 2;

/**
 * Three calls mean something else to Xen since it has no classic guests (4.9), and guests with several vCPUs need them as
 * they were. All calls go through the hypercall page, whose filling is ours, so the page translates: by code in the slots
 * of the three, and from the middle of the page on, in slots that nobody calls.
 *
 * The code runs wherever the page is mapped. It keeps all registers but rax and the flags, also where Xen spoils a call's
 * arguments (it does when built with debugging), and keeps nothing below rsp, where interrupts push.
 */
export function smpShims(trap: Instruction): Fragment[] {
  return [
    { at: HYPERCALL.xen_version * HYPERCALL_STUB_SIZE, lines: xenVersion(trap) },
    { at: HYPERCALL.vcpu_op * HYPERCALL_STUB_SIZE, lines: vcpuOp(trap) },
    { at: HYPERCALL.mmuext_op * HYPERCALL_STUB_SIZE, lines: [{ jump: "jmp", to: "mmuext_op" }] },
    { at: SHIM_AREA, lines: [...initialiseVcpu(trap), ...mmuextOps(trap)] },
  ];
}
