import type { ExitReason } from "@pvh/kvm";

/** What pvhctl itself ends with. */
export const exitStatus = {
  ok: 0,
  failed: 1,
  usage: 2,
  /** Nobody takes the output any more, or it has no place; as shells report SIGPIPE. */
  outputLost: 141,
} as const;

/** What `pvhctl run` ends with: how the guest ended. Documented in docs/pvhctl.md. */
export const guestExitStatus: Record<ExitReason, number> = {
  poweroff: 0,
  reboot: 10,
  suspend: 11,
  crash: 12,
  watchdog: 13,
  "soft-reset": 14,
  "triple-fault": 15,
  "emulation-failure": 16,
  "vmm-died": 17,
  killed: 18,
  "host-lost": 19,
};
