/** What a platform does for one vCPU, in that vCPU's thread. */
export interface VcpuPlatform {
  /** KVM_SYNC_X86_*: which registers the platform wants to see at each exit. */
  readonly syncedRegisters: number;
  /** The guest executed HLT, and no interrupt controller of the kernel waits for it. Returns when it may go on. */
  halt(): void;
  /** True when the MSR exists; its value is in the run page then. */
  readMsr(index: number): boolean;
  writeMsr(index: number, high: number, low: number): boolean;
}
