import type { VcpuContext } from "@pvh/builder";
import type { Problem } from "@pvh/errors";
import type { RamSlot } from "../guest-memory.ts";
import type { Mapping } from "../host/libc.ts";
import type { XenDomain } from "../platform-xen/domain.ts";
import type { XenBuffers } from "../platform-xen/shared.ts";
import type { CrashReport, ExitReason } from "../protocol.ts";

/** Memory that all threads of the VMM share; each thread makes its own objects over it. */
export interface SharedBuffers {
  /** One for each vCPU. */
  control: SharedArrayBuffer[];
  doorbell: SharedArrayBuffer;
  console: SharedArrayBuffer;
  serial: SharedArrayBuffer;
  acpi: SharedArrayBuffer;
  /** The guest has notified a back end on the main thread. */
  events: SharedArrayBuffer;
}

export type PlatformSetup = { kind: "bare" } | { kind: "xen"; domain: XenDomain; buffers: XenBuffers };

/** All that a vCPU's worker needs to know; sent to it once. */
export interface VcpuSetup {
  index: number;
  vcpuFd: number;
  vmFd: number;
  /** The kvm_run pages of all vCPUs. */
  runs: Mapping[];
  ram: RamSlot[];
  shared: SharedBuffers;
  /** Argument of KVM_SET_CPUID2. */
  cpuid: Uint8Array;
  /** The first vCPU's state; others are started by the guest. */
  context?: VcpuContext;
  platform: PlatformSetup;
}

/** How the guest ended itself, or was found to have ended. */
export interface GuestEnd {
  reason: ExitReason;
  detail?: string;
  report?: CrashReport;
}

/** What a vCPU's worker tells the main thread. `ended` comes after the vCPU has left the guest for good. */
export type VcpuMessage =
  | { kind: "ready"; refusedMsrs: number[] }
  | { kind: "failed"; problem: Problem }
  | { kind: "ended"; end?: GuestEnd };
