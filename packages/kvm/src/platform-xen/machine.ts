import {
  KVM_MSR_EXIT_REASON_FILTER,
  KVM_MSR_EXIT_REASON_INVAL,
  KVM_MSR_EXIT_REASON_UNKNOWN,
  KVM_MSR_FILTER_READ,
  KVM_MSR_FILTER_WRITE,
  KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL,
  kvmMsrFilter,
  kvmMsrFilterRange,
  kvmXenHvmConfig,
  MSR,
  XEN_HYPERCALL_MSR,
} from "@pvh/abi";
import type { BootInterface } from "@pvh/builder";
import { PvhError } from "@pvh/errors";
import { checkCapability, enableCapability, kvmCallWith } from "../host/kvm.ts";
import { addressOf } from "../host/libc.ts";

/** Nothing that KVM refuses is the guest's fault before the platform has been asked. */
const EXIT_REASONS = KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_FILTER;

/**
 * Makes accesses to Xen's hypercall MSR exit to the VMM, and those to MSRs that KVM does not have; for direct guests also
 * the base of the local APIC. There is no interrupt controller in the kernel.
 */
export function createXenMachine(vmFd: number, bootInterface: BootInterface): void {
  for (const capability of ["KVM_CAP_X86_USER_SPACE_MSR", "KVM_CAP_X86_MSR_FILTER"] as const) {
    if (checkCapability(vmFd, capability) > 0) continue;
    throw new PvhError(
      "HOST_UNSUPPORTED",
      `The xen platform needs ${capability} of KVM; Linux 5.10 and later have it.`,
      {
        field: capability,
        found: 0,
      },
    );
  }
  enableCapability(vmFd, "KVM_CAP_X86_USER_SPACE_MSR", EXIT_REASONS);
  // The kernel copies the bitmap during the call. A clear bit: not for the kernel to handle.
  const bitmap = new Uint8Array(8);
  const msrs = bootInterface === "direct" ? [XEN_HYPERCALL_MSR, MSR.APIC_BASE] : [XEN_HYPERCALL_MSR];
  const ranges = new Uint8Array(msrs.length * kvmMsrFilterRange.size);
  msrs.forEach((base, i) => {
    kvmMsrFilterRange.writeTo(ranges, i * kvmMsrFilterRange.size, {
      flags: KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
      nmsrs: 1,
      base,
      bitmap: addressOf(bitmap),
    });
  });
  kvmCallWith(vmFd, "KVM_X86_SET_MSR_FILTER", kvmMsrFilter.encode({ ranges }));
  if (trapsHypercalls(vmFd)) {
    // KVM's own answer to the MSR, without which it traps nothing: the filter is asked first.
    const config = { flags: KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL, msr: XEN_HYPERCALL_MSR };
    kvmCallWith(vmFd, "KVM_XEN_HVM_CONFIG", kvmXenHvmConfig.encode(config));
  }
}

/**
 * Whether the host's KVM gives the VMM the hypercalls that guests make by the processor's instruction, without Xen's page.
 *
 * @param fd of KVM itself or of a VM
 */
export function trapsHypercalls(fd: number): boolean {
  return (checkCapability(fd, "KVM_CAP_XEN_HVM") & KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL) !== 0;
}
