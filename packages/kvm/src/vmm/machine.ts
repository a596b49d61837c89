import type { DomainImage, Platform, RamRange, VcpuContext } from "@pvh/builder";
import { OutputRing } from "../console/output-ring.ts";
import { encodeCpuid, supportedCpuid } from "../cpuid.ts";
import { AcpiPm } from "../devices/acpi-pm.ts";
import { Serial16550 } from "../devices/serial-16550.ts";
import { allocateRam, GuestMemory, type RamSlot, registerRam } from "../guest-memory.ts";
import { monotonicTime } from "../host/clock.ts";
import { checkCapability, kvmCall, kvmCallWith } from "../host/kvm.ts";
import { installKickHandler, type Mapping, mapFile, viewOf } from "../host/libc.ts";
import { sciLine, serialLine } from "../platform-bare/interrupts.ts";
import { bareCpuid, createBareMachine } from "../platform-bare/machine.ts";
import { xenCpuid } from "../platform-xen/cpuid.ts";
import { type CreateXenInput, createXen } from "../platform-xen/create.ts";
import { createXenMachine } from "../platform-xen/machine.ts";
import type { OpenXen } from "../platform-xen/shared.ts";
import { Doorbell } from "../shared/doorbell.ts";
import { VcpuKicker } from "../shared/vcpu-kicker.ts";
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

/** What the machine is to know of its domain beyond the image. */
export type MachineDomain = Pick<
  CreateXenInput,
  "domid" | "uuid" | "maxGrantFrames" | "maxMaptrackFrames" | "maxEventChannels"
>;

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
  /** Rung when the guest has notified a back end. */
  eventDoorbell: Doorbell;
  /** The hypervisor as the main thread sees it; only on the xen platform. */
  xen?: OpenXen;
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
  domain: MachineDomain,
  handles: VcpuHandle[],
): Machine {
  installKickHandler();
  const vmFd = kvmCall(kvmFd, "KVM_CREATE_VM");
  setHelperPages(vmFd, image.ram);
  if (image.platform === "bare") createBareMachine(vmFd);
  else createXenMachine(vmFd, image.bootInterface);

  const ram = allocateRam(image.ram);
  registerRam(vmFd, ram);

  const runSize = kvmCall(kvmFd, "KVM_GET_VCPU_MMAP_SIZE");
  let vcpuMade = 0;
  const vcpus = handles.map((_, index) => {
    const fd = kvmCall(vmFd, "KVM_CREATE_VCPU", index);
    if (index === 0) vcpuMade = monotonicTime();
    return { fd, run: mapFile(fd, runSize) };
  });
  const tscKhz = guestTscKhz(vcpus);
  const cpuid = vcpuCpuid(kvmFd, vcpus, image, domain.domid, tscKhz);
  const shared = createShared(vmFd, image.platform, handles);
  if (image.platform === "bare") {
    return { platform: { kind: "bare" }, vmFd, ram, memory: GuestMemory.of(ram), vcpus, cpuid, ...shared };
  }
  const xen = createXen({
    ...domain,
    image,
    vcpus: handles.length,
    tscKhz,
    vmFd,
    ram,
    vcpuFd: vcpus[0]?.fd ?? -1,
    vcpuMade,
    kicker: new VcpuKicker(
      handles.map(({ control }) => control),
      vcpus.map(({ run }) => new Uint8Array(viewOf(run))),
    ),
    doorbell: shared.eventDoorbell,
  });
  const { domain: xenDomain, buffers } = xen;
  return {
    platform: { kind: "xen", domain: xenDomain, buffers },
    vmFd,
    ram,
    memory: xen.open.memory,
    vcpus,
    cpuid,
    ...shared,
    xen: xen.open,
  };
}

/** Gives each vCPU its first state; only the first has a context. Returns the MSRs that the host refused. */
export async function loadVcpus(
  machine: Machine,
  handles: VcpuHandle[],
  context: VcpuContext,
): Promise<number[]> {
  const { vmFd, ram, shared, platform } = machine;
  const runs = machine.vcpus.map(({ run }) => run);
  const refused = await Promise.all(
    machine.vcpus.map(({ fd }, index) => {
      const first = index === 0 ? { context } : {};
      const cpuid = machine.cpuid[index] ?? new Uint8Array();
      return (
        handles[index]?.load({ index, vcpuFd: fd, vmFd, runs, ram, shared, cpuid, platform, ...first }) ?? []
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

/** KVM knows it, since Linux 2.6.38. */
function guestTscKhz([first]: readonly VcpuDescriptors[]): number {
  return first === undefined ? 0 : kvmCall(first.fd, "KVM_GET_TSC_KHZ");
}

function vcpuCpuid(
  kvmFd: number,
  vcpus: readonly VcpuDescriptors[],
  { bootInterface, platform }: DomainImage,
  domid: number,
  tscKhz: number,
): Uint8Array[] {
  const supported = supportedCpuid(kvmFd);
  return vcpus.map((_, vcpu) => {
    if (platform === "bare") return encodeCpuid(bareCpuid(kvmFd, supported, vcpu, vcpus.length));
    return encodeCpuid(xenCpuid({ supported, bootInterface, domid, vcpu, vcpus: vcpus.length, tscKhz }));
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
    events: new SharedArrayBuffer(Doorbell.size),
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
  return { shared, doorbell, output, serial, acpi, eventDoorbell: new Doorbell(shared.events) };
}
