import type { DomainImage, Platform, RamRange, VcpuContext } from "@pvh/builder";
import { OutputRing } from "../console/output-ring.ts";
import { encodeCpuid, supportedCpuid } from "../cpuid.ts";
import { AcpiPm } from "../devices/acpi-pm.ts";
import { Serial16550 } from "../devices/serial-16550.ts";
import { allocateRam, GuestMemory, type RamSlot, registerRam } from "../guest-memory.ts";
import { checkCapability, kvmCall, kvmCallWith } from "../host/kvm.ts";
import { installKickHandler, type Mapping, mapFile } from "../host/libc.ts";
import { sciLine, serialLine } from "../platform-bare/interrupts.ts";
import { bareCpuid, createBareMachine } from "../platform-bare/machine.ts";
import { xenCpuid } from "../platform-xen/cpuid.ts";
import { type XenDomain, xenDomain } from "../platform-xen/domain.ts";
import { createXenMachine } from "../platform-xen/machine.ts";
import { Doorbell } from "../shared/doorbell.ts";
import type { PlatformSetup, SharedBuffers } from "../vcpu/setup.ts";
import type { VcpuHandle } from "./vcpu-handle.ts";

/** Where Intel processors without "unrestricted guest" get their helper pages: below the firmware of a PC. */
const IDENTITY_MAP_PAGE = 0xfffbc000;
const TSS_PAGES = IDENTITY_MAP_PAGE + 0x1000;
const HELPER_END = TSS_PAGES + 0x3000;

interface VcpuDescriptors {
  fd: number;
  run: Mapping;
}

/** The KVM objects of one domain. They live as long as the process. */
export interface Machine {
  platform: PlatformSetup;
  vmFd: number;
  ram: RamSlot[];
  memory: GuestMemory;
  vcpus: VcpuDescriptors[];
  /** Encoded CPUID of each vCPU. */
  cpuid: Uint8Array[];
  shared: SharedBuffers;
  output: OutputRing;
  doorbell: Doorbell;
  serial: Serial16550;
  acpi: AcpiPm;
}

/**
 * Makes the VM, its memory and its vCPUs. The order matters to KVM:
 *
 * 1. helper pages and the in-kernel interrupt controllers before any vCPU;
 * 2. memory, so that a vCPU is never without;
 * 3. vCPUs, each with its shared page.
 */
export function createMachine(
  kvmFd: number,
  image: DomainImage,
  uuid: string,
  handles: VcpuHandle[],
): Machine {
  installKickHandler();
  const vmFd = kvmCall(kvmFd, "KVM_CREATE_VM");
  setHelperPages(vmFd, image.ram);
  const platform = createPlatform(vmFd, image, uuid);

  const ram = allocateRam(image.ram);
  registerRam(vmFd, ram);

  const runSize = kvmCall(kvmFd, "KVM_GET_VCPU_MMAP_SIZE");
  const vcpus = handles.map((_, index) => {
    const fd = kvmCall(vmFd, "KVM_CREATE_VCPU", index);
    return { fd, run: mapFile(fd, runSize) };
  });
  const cpuid = vcpuCpuid(kvmFd, vcpus, image, platform);
  return {
    platform,
    vmFd,
    ram,
    memory: GuestMemory.of(ram),
    vcpus,
    cpuid,
    ...createShared(vmFd, image.platform, handles),
  };
}

/** Gives each vCPU its first state; only the first has a context. Returns the MSRs that the host refused. */
export async function loadVcpus(
  machine: Machine,
  handles: VcpuHandle[],
  context: VcpuContext,
): Promise<number[]> {
  const { vmFd, ram, shared, platform } = machine;
  const refused = await Promise.all(
    machine.vcpus.map(({ fd, run }, index) => {
      const first = index === 0 ? { context } : {};
      const cpuid = machine.cpuid[index] ?? new Uint8Array();
      return (
        handles[index]?.load({ index, vcpuFd: fd, vmFd, run, ram, shared, cpuid, platform, ...first }) ?? []
      );
    }),
  );
  return refused.flat();
}

/** A guest whose RAM covers these addresses has none: it needs a processor that does without them anyway. */
function setHelperPages(vmFd: number, ram: readonly RamRange[]): void {
  const taken = ram.some(({ gpa, size }) => gpa < HELPER_END && gpa + size > IDENTITY_MAP_PAGE);
  if (taken) return;
  const address = new Uint8Array(8);
  new DataView(address.buffer).setBigUint64(0, BigInt(IDENTITY_MAP_PAGE), true);
  if (checkCapability(vmFd, "KVM_CAP_SET_IDENTITY_MAP_ADDR") > 0) {
    kvmCallWith(vmFd, "KVM_SET_IDENTITY_MAP_ADDR", address);
  }
  if (checkCapability(vmFd, "KVM_CAP_SET_TSS_ADDR") > 0) kvmCall(vmFd, "KVM_SET_TSS_ADDR", TSS_PAGES);
}

function createPlatform(vmFd: number, image: DomainImage, uuid: string): PlatformSetup {
  if (image.platform === "bare") {
    createBareMachine(vmFd);
    return { kind: "bare" };
  }
  createXenMachine(vmFd);
  return { kind: "xen", domain: xenDomain(image.bootInterface, uuid, image.memoryMap) };
}

function vcpuCpuid(
  kvmFd: number,
  vcpus: readonly VcpuDescriptors[],
  { bootInterface }: DomainImage,
  platform: PlatformSetup,
): Uint8Array[] {
  const supported = supportedCpuid(kvmFd);
  return vcpus.map(({ fd }, vcpu) => {
    if (platform.kind === "bare") return encodeCpuid(bareCpuid(kvmFd, supported, vcpu, vcpus.length));
    const { personality }: XenDomain = platform.domain;
    const tscKhz = checkCapability(kvmFd, "KVM_CAP_GET_TSC_KHZ") > 0 ? kvmCall(fd, "KVM_GET_TSC_KHZ") : 0;
    return encodeCpuid(
      xenCpuid({ supported, bootInterface, personality, vcpu, vcpus: vcpus.length, tscKhz }),
    );
  });
}

/** Shared memory, and the main thread's own objects over it. */
function createShared(vmFd: number, platform: Platform, handles: readonly VcpuHandle[]) {
  const shared: SharedBuffers = {
    control: handles.map(({ controlBuffer }) => controlBuffer),
    doorbell: new SharedArrayBuffer(Doorbell.size),
    console: new SharedArrayBuffer(OutputRing.size),
    serial: new SharedArrayBuffer(Serial16550.size),
    acpi: new SharedArrayBuffer(AcpiPm.size),
  };
  const doorbell = new Doorbell(shared.doorbell);
  const output = new OutputRing(shared.console, doorbell);
  const nothing = () => {};
  const bare = platform === "bare";
  const irq = bare ? serialLine(vmFd) : nothing;
  const sci = bare ? sciLine(vmFd) : nothing;
  // The guest's side of these devices is in the vCPU threads; here input is fed and the power button pressed.
  const serial = new Serial16550(shared.serial, { output: nothing, inputTaken: nothing, irq });
  const acpi = new AcpiPm(shared.acpi, { poweroff: nothing, reboot: nothing, sci });
  return { shared, doorbell, output, serial, acpi };
}
