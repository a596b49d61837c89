/** What a platform does for one vCPU, in that vCPU's thread. */
export interface VcpuPlatform {
  /** KVM_SYNC_X86_*: which registers the platform wants to see at each exit. */
  readonly syncedRegisters: number;
  /** Directly before each KVM_RUN. False when the vCPU is not to enter the guest: it ended, is offline, or has a request. */
  enter(): boolean;
  /** Directly after. `interrupted`: by a kick, without an exit of the guest's. */
  left(interrupted: boolean): void;
  /** The guest executed HLT, and no interrupt controller of the kernel waits for it. Returns when it may go on. */
  halt(): void;
  /** True when the MSR exists; its value is in the run page then. */
  readMsr(index: number): boolean;
  writeMsr(index: number, high: number, low: number): boolean;
  /** True when something is at this address; data to read or written is in the run page. */
  mmio(low: number, high: number, length: number, write: boolean): boolean;
  /** The guest made a hypercall by the processor's instruction (KVM_EXIT_XEN); its result goes into the run page. */
  hypercall(): void;
  /** An instruction that KVM cannot emulate, by its bytes. True when it is done, and the registers say so. */
  emulate(instruction: Uint8Array): boolean;
}
