import { kvmRegs, kvmSregs, kvmTranslation } from "@pvh/abi";
import { hex } from "@pvh/errors";
import type { GuestMemory } from "../guest-memory.ts";
import { kvmCallWith } from "../host/kvm.ts";
import type { CrashReport } from "../protocol.ts";
import type { ExitHistory } from "./exit-history.ts";

const INSTRUCTION_BYTES = 15;

/** What the vCPU was doing. Only for a vCPU outside KVM_RUN; nothing here fails because of the guest's state. */
export function crashReport(
  vcpu: number,
  fd: number,
  memory: GuestMemory,
  history: ExitHistory,
): CrashReport {
  const raw = new Uint8Array(kvmRegs.size);
  kvmCallWith(fd, "KVM_GET_REGS", raw);
  const general = kvmRegs.decode(raw);
  const rawSpecial = new Uint8Array(kvmSregs.size);
  kvmCallWith(fd, "KVM_GET_SREGS", rawSpecial);
  const { cs, ss, gdt, idt, cr0, cr2, cr3, cr4, efer } = kvmSregs.decode(rawSpecial);

  const special = {
    cr0,
    cr2,
    cr3,
    cr4,
    efer,
    cs: cs.selector,
    cs_base: cs.base,
    ss: ss.selector,
    gdt_base: gdt.base,
    idt_base: idt.base,
  };
  const registers = Object.fromEntries(
    Object.entries({ ...general, ...special }).map(([name, value]) => [name, hex(value)]),
  );
  const instruction = readInstruction(fd, memory, BigInt.asUintN(64, cs.base + general.rip));
  return {
    vcpu,
    rip: hex(general.rip),
    registers,
    ...(instruction === undefined ? {} : { instruction }),
    lastExits: history.lines(),
  };
}

/** Up to 15 bytes at a linear address, not beyond its page; undefined when nothing readable is mapped there. */
function readInstruction(fd: number, memory: GuestMemory, linear: bigint): string | undefined {
  try {
    const translation = kvmTranslation.encode({ linear_address: linear });
    kvmCallWith(fd, "KVM_TRANSLATE", translation);
    const { valid, physical_address } = kvmTranslation.decode(translation);
    if (valid === 0 || physical_address > Number.MAX_SAFE_INTEGER) return undefined;
    const gpa = Number(physical_address);
    const length = Math.min(INSTRUCTION_BYTES, 4096 - (gpa % 4096));
    return hexBytes(memory.bytes(gpa, length));
  } catch {
    return undefined;
  }
}

export function hexBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
