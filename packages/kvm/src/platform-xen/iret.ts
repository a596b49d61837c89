import { kvmIoctl, kvmVcpuEvents } from "@pvh/abi";
import { ioctlPointer } from "../host/libc.ts";
import { REG, type RunPage } from "../vcpu/run-page.ts";
import { Argument } from "./argument.ts";
import type { GuestVirtual } from "./guest-virtual.ts";

const IRET = 0xcf;
const FRAME = { eip: 0, cs: 4, eflags: 8, size: 12 } as const;
const VM = 1 << 17;
const NESTED_TASK = 1 << 14;
/** All of EFLAGS but VM86 mode and what is reserved. */
const LOADED = 0x3d7fd5;
const ALWAYS_SET = 1 << 1;
const NMI_MASKED = kvmVcpuEvents.fields.nmi_masked.offset;

const frame = new Argument(FRAME.size);

/**
 * Does the IRET of a 32-bit kernel that returns to itself, at which KVM's emulator gives up: a host whose KVM emulates the
 * kernel's code (PVM) could run no 32-bit guest with interrupts otherwise. Returns to another ring, task or code segment
 * are not done.
 *
 * @param instruction bytes at the guest's instruction pointer
 * @returns whether it is done, so that the vCPU can go on
 */
export function returnFromInterrupt(
  instruction: Uint8Array,
  fd: number,
  run: RunPage,
  memory: GuestVirtual,
): boolean {
  if (instruction[0] !== IRET || !run.protected32 || run.cpl !== 0) return false;
  if ((run.rflags & NESTED_TASK) !== 0) return false;
  const esp = run.regLow(REG.rsp);
  if (!memory.copyIn(0, (esp + run.stackBase) | 0, frame.bytes, FRAME.size)) return false;
  const eflags = frame.u32(FRAME.eflags);
  if (frame.u16(FRAME.cs) !== run.cs || (eflags & VM) !== 0) return false;
  run.setReg(REG.rip, frame.u32(FRAME.eip), 0);
  run.setReg(REG.rsp, (esp + FRAME.size) | 0, 0);
  run.setReg(REG.rflags, (eflags & LOADED) | ALWAYS_SET, 0);
  unmaskNmi(fd);
  return true;
}

const events = new Uint8Array(kvmVcpuEvents.size);

function unmaskNmi(fd: number): void {
  if (ioctlPointer(fd, kvmIoctl.KVM_GET_VCPU_EVENTS, events) < 0 || events[NMI_MASKED] === 0) return;
  events[NMI_MASKED] = 0;
  ioctlPointer(fd, kvmIoctl.KVM_SET_VCPU_EVENTS, events);
}
