import { kvmRegs, kvmRun, kvmSregs } from "@pvh/abi";
import { GuestMemory } from "../guest-memory.ts";
import { RunPage } from "../vcpu/run-page.ts";

/** A vCPU as KVM shows it at an exit, for tests without KVM: registers in a kvm_run page, and RAM. */
export interface FakeVcpu {
  run: RunPage;
  memory: GuestMemory;
  regs(values: Parameters<typeof kvmRegs.encode>[0]): void;
  sregs(values: Parameters<typeof kvmSregs.encode>[0]): void;
  rax(): bigint;
}

export function fakeVcpu(ram: { gpa: number; size: number }[]): FakeVcpu {
  const run = new RunPage(new ArrayBuffer(4096));
  return {
    run,
    memory: new GuestMemory(ram.map(({ gpa, size }) => ({ gpa, buffer: new ArrayBuffer(size) }))),
    regs: (values) => kvmRegs.writeTo(run.bytes, kvmRun.regs, values),
    sregs: (values) => kvmSregs.writeTo(run.bytes, kvmRun.sregs, values),
    rax: () => run.data.getBigUint64(kvmRun.regs, true),
  };
}

const PE = 1n;
const WP = 1n << 16n;
const PG = 1n << 31n;

/** Control registers of each kind of paging; CR3 is to be set. */
export const paging = {
  off: { cr0: PE, cr3: 0n, cr4: 0n, efer: 0n },
  twoLevel: { cr0: PE | PG | WP, cr4: 1n << 4n, efer: 0n },
  pae: { cr0: PE | PG | WP, cr4: 1n << 5n, efer: 0n },
  long: { cr0: PE | PG | WP, cr4: 1n << 5n, efer: 0x500n },
  fiveLevel: { cr0: PE | PG | WP, cr4: (1n << 5n) | (1n << 12n), efer: 0x500n },
} as const;
