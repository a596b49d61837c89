/** How pending events stand in memory that the guest shares: the 2-level or the FIFO ABI. Callers hold the domain's lock. */
export interface EventAbi {
  /** Marks the event pending. Returns whether the vCPU has to be told. */
  setPending(port: number, vcpu: number): boolean;
  clearPending(port: number): void;
  /** Clears the mask; the guest asked for it. Returns whether the vCPU has to be told of an event that pended meanwhile. */
  unmask(port: number, vcpu: number): boolean;
  isMasked(port: number): boolean;
  isPending(port: number): boolean;
  setPriority(port: number, priority: number): boolean;
}
