import { openSync } from "node:fs";
import {
  KVM_API_VERSION,
  KVM_SYNC_X86_REGS,
  KVM_SYNC_X86_SREGS,
  type KvmCapability,
  type KvmIoctl,
  kvmCapability,
  kvmEnableCap,
  kvmIoctl,
} from "@pvh/abi";
import { PvhError } from "@pvh/errors";
import { errno, ioctl, ioctlPointer, systemError } from "./libc.ts";

/** Where KVM is looked for; the environment variable exists for tests and unusual hosts. */
export function kvmDevice(): string {
  return process.env.PVH_KVM_DEVICE ?? "/dev/kvm";
}

/** What a failed ioctl usually means, for the ones where that is known. */
const advice: Partial<Record<KvmIoctl, string>> = {
  KVM_CREATE_VM: "another hypervisor may be using the processor's virtualization; unload it",
  KVM_SET_USER_MEMORY_REGION: "the guest's memory layout overlaps itself or something of the host's KVM",
  KVM_CREATE_VCPU: "the host's KVM allows no more virtual CPUs",
};

/** An ioctl with a plain number; returns its result, which is not negative. */
export function kvmCall(fd: number, name: KvmIoctl, argument = 0): number {
  const result = ioctl(fd, kvmIoctl[name], argument);
  if (result < 0) throw systemError(name, errno(), advice[name]);
  return result;
}

/** An ioctl with a structure, which the kernel reads and may write. */
export function kvmCallWith(fd: number, name: KvmIoctl, argument: Uint8Array): number {
  const result = ioctlPointer(fd, kvmIoctl[name], argument);
  if (result < 0) throw systemError(name, errno(), advice[name]);
  return result;
}

/** Opens /dev/kvm and makes sure that it is a KVM this VMM can work with. */
export function openKvm(device = kvmDevice()): number {
  const fd = openDevice(device);
  const version = ioctl(fd, kvmIoctl.KVM_GET_API_VERSION, 0);
  if (version !== KVM_API_VERSION) {
    throw new PvhError(
      "HOST_KVM_MISSING",
      `${device} is not a usable KVM: KVM_GET_API_VERSION says ${version}, ${KVM_API_VERSION} is needed. Load the module kvm_intel or kvm_amd.`,
      { field: device, found: version, allowed: KVM_API_VERSION },
    );
  }
  const needed = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
  const synced = checkCapability(fd, "KVM_CAP_SYNC_REGS");
  if ((synced & needed) !== needed || checkCapability(fd, "KVM_CAP_IMMEDIATE_EXIT") === 0) {
    throw new PvhError(
      "HOST_UNSUPPORTED",
      `The host's KVM lacks KVM_CAP_SYNC_REGS or KVM_CAP_IMMEDIATE_EXIT; Linux 4.17 and later have both.`,
      { field: "KVM_CAP_SYNC_REGS", found: synced, allowed: needed },
    );
  }
  return fd;
}

function openDevice(device: string): number {
  try {
    return openSync(device, "r+");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
    if (code === "EACCES" || code === "EPERM") {
      throw new PvhError(
        "HOST_KVM_FORBIDDEN",
        `${device} may not be opened for reading and writing: add the user to its group (usually kvm) or run as root.`,
        { field: device, found: code, cause },
      );
    }
    throw new PvhError(
      "HOST_KVM_MISSING",
      `${device} cannot be opened (${code}): switch virtualization on in the firmware, or nested virtualization if this is a virtual machine, and load the module kvm_intel or kvm_amd.`,
      { field: device, found: code, cause },
    );
  }
}

/** 0 when the host does not know the capability, else what it says about it; `fd` is /dev/kvm's or a VM's. */
export function checkCapability(fd: number, capability: KvmCapability): number {
  return Math.max(0, ioctl(fd, kvmIoctl.KVM_CHECK_EXTENSION, kvmCapability[capability]));
}

export function enableCapability(vmFd: number, capability: KvmCapability, argument: number): void {
  const args = new Uint8Array(32);
  new DataView(args.buffer).setBigUint64(0, BigInt(argument), true);
  kvmCallWith(vmFd, "KVM_ENABLE_CAP", kvmEnableCap.encode({ cap: kvmCapability[capability], args }));
}
