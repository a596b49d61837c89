import { KVM_SYNC_X86_REGS, kvmRegs, kvmRun, kvmSegment, kvmSregs } from "@pvh/abi";

const { cs, ss, cr0, cr3, cr4, efer } = kvmSregs.fields;
const CS_L = kvmRun.sregs + cs.offset + kvmSegment.fields.l.offset;
const CS_DB = kvmRun.sregs + cs.offset + kvmSegment.fields.db.offset;
const CS_SELECTOR = kvmRun.sregs + cs.offset + kvmSegment.fields.selector.offset;
const SS_DPL = kvmRun.sregs + ss.offset + kvmSegment.fields.dpl.offset;
const SS_DB = kvmRun.sregs + ss.offset + kvmSegment.fields.db.offset;
const SS_BASE = kvmRun.sregs + ss.offset + kvmSegment.fields.base.offset;
const CR0 = kvmRun.sregs + cr0.offset;
const CR3 = kvmRun.sregs + cr3.offset;
const CR4 = kvmRun.sregs + cr4.offset;
const EFER = kvmRun.sregs + efer.offset;

const { rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, rip, rflags } = kvmRegs.fields;
const RFLAGS = kvmRun.regs + rflags.offset;

const CR0_PE = 1 << 0;
const EFER_LMA = 1 << 10;
const RFLAGS_VM = 1 << 17;

/** Offset in `kvm_regs` of the registers that carry arguments, and of those that say where the guest is. */
export const REG = {
  rax: rax.offset,
  rbx: rbx.offset,
  rcx: rcx.offset,
  rdx: rdx.offset,
  rsi: rsi.offset,
  rdi: rdi.offset,
  rbp: rbp.offset,
  r8: r8.offset,
  r9: r9.offset,
  r10: r10.offset,
  rsp: rsp.offset,
  rip: rip.offset,
  rflags: rflags.offset,
} as const;

/**
 * The page shared with KVM, with the registers that KVM_CAP_SYNC_REGS copies there at each exit. Registers are read
 * as halves of 32 bits: the run loop never makes a bigint.
 */
export class RunPage {
  readonly data: DataView<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;

  constructor(buffer: ArrayBuffer) {
    this.data = new DataView(buffer);
    this.bytes = new Uint8Array(buffer);
  }

  /** Which registers KVM copies at each exit: KVM_SYNC_X86_*. */
  syncAtExit(registers: number): void {
    this.data.setUint32(kvmRun.kvm_valid_regs, registers, true);
  }

  regLow(register: number): number {
    return this.data.getInt32(kvmRun.regs + register, true);
  }

  regHigh(register: number): number {
    return this.data.getInt32(kvmRun.regs + register + 4, true);
  }

  /** Takes effect at the next entry. */
  setReg(register: number, low: number, high: number): void {
    this.data.setInt32(kvmRun.regs + register, low, true);
    this.data.setInt32(kvmRun.regs + register + 4, high, true);
    this.data.setUint32(kvmRun.kvm_dirty_regs, KVM_SYNC_X86_REGS, true);
  }

  get rflags(): number {
    return this.data.getInt32(RFLAGS, true);
  }

  get cr0(): number {
    return this.data.getInt32(CR0, true);
  }

  get cr4(): number {
    return this.data.getInt32(CR4, true);
  }

  /** Physical address of the top page table, with its low flag bits. */
  get cr3(): number {
    return (this.data.getUint32(CR3 + 4, true) & 0xfffff) * 2 ** 32 + this.data.getUint32(CR3, true);
  }

  get longMode(): boolean {
    return (this.data.getInt32(EFER, true) & EFER_LMA) !== 0;
  }

  /** True when the code that runs is 64-bit code: long mode, and not a compatibility segment. */
  get code64(): boolean {
    return this.longMode && this.bytes[CS_L] === 1;
  }

  /** True in protected mode when code and stack segment are of 32 bits. */
  get protected32(): boolean {
    if (this.longMode || (this.cr0 & CR0_PE) === 0 || (this.rflags & RFLAGS_VM) !== 0) return false;
    return this.bytes[CS_DB] === 1 && this.bytes[SS_DB] === 1;
  }

  /** Selector of the code segment. */
  get cs(): number {
    return this.data.getUint16(CS_SELECTOR, true);
  }

  get stackBase(): number {
    return this.data.getInt32(SS_BASE, true);
  }

  /** Current privilege level, 0-3. */
  get cpl(): number {
    if ((this.cr0 & CR0_PE) === 0) return 0;
    return this.rflags & RFLAGS_VM ? 3 : (this.bytes[SS_DPL] ?? 3);
  }
}
