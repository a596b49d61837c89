/** What the local APICs need from the platform. Called on the thread that causes it. */
export interface LocalApicHooks {
  /** There may be something new for a vCPU to take: it is to wake up, or to leave the guest. */
  wake(vcpu: number): void;
  /** Domain time in ns. */
  now(): number;
  /** INIT has arrived. The vCPU's own thread is to call {@link LocalApics.reset}. */
  init(vcpu: number): void;
  /** A startup IPI has arrived; code is at `vector << 12`. */
  startup(vcpu: number, vector: number): void;
  nmi(vcpu: number): void;
  /**
   * The guest has enabled the APIC in its spurious vector register, on the vCPU's own thread. An event that came for
   * the upcall vector before was dropped, so that it has to be injected now if it is still pending.
   */
  enabled(vcpu: number): void;
}
