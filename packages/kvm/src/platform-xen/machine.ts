import {
  KVM_MSR_EXIT_REASON_FILTER,
  KVM_MSR_FILTER_READ,
  KVM_MSR_FILTER_WRITE,
  kvmMsrFilter,
  kvmMsrFilterRange,
  XEN_HYPERCALL_MSR,
} from "@pvh/abi";
import { PvhError } from "@pvh/errors";
import { checkCapability, enableCapability, kvmCallWith } from "../host/kvm.ts";
import { addressOf } from "../host/libc.ts";

/** Makes accesses to Xen's hypercall MSR exit to the VMM. There is no interrupt controller in the kernel. */
export function createXenMachine(vmFd: number): void {
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
  enableCapability(vmFd, "KVM_CAP_X86_USER_SPACE_MSR", KVM_MSR_EXIT_REASON_FILTER);
  // The kernel copies the bitmap during the call. A clear bit: not for the kernel to handle.
  const bitmap = new Uint8Array(8);
  const range = kvmMsrFilterRange.encode({
    flags: KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
    nmsrs: 1,
    base: XEN_HYPERCALL_MSR,
    bitmap: addressOf(bitmap),
  });
  kvmCallWith(vmFd, "KVM_X86_SET_MSR_FILTER", kvmMsrFilter.encode({ ranges: range }));
}
