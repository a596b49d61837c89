/**
 * Request numbers of KVM's ioctls (linux/kvm.h), encoded as asm-generic/ioctl.h does: direction in bits 30-31, size of
 * the argument in bits 16-29, type 0xae in bits 8-15, number in bits 0-7.
 */

const KVM_TYPE = 0xae;

const io = (nr: number) => (KVM_TYPE << 8) | nr;
const iow = (nr: number, size: number) => ((1 << 30) | (size << 16) | (KVM_TYPE << 8) | nr) >>> 0;
const ior = (nr: number, size: number) => ((2 << 30) | (size << 16) | (KVM_TYPE << 8) | nr) >>> 0;
const iowr = (nr: number, size: number) => ((3 << 30) | (size << 16) | (KVM_TYPE << 8) | nr) >>> 0;

export const kvmIoctl = {
  /* on /dev/kvm */
  KVM_GET_API_VERSION: io(0x00),
  KVM_CREATE_VM: io(0x01),
  KVM_CHECK_EXTENSION: io(0x03),
  KVM_GET_VCPU_MMAP_SIZE: io(0x04),
  KVM_GET_SUPPORTED_CPUID: iowr(0x05, 8),
  /* on a VM */
  KVM_CREATE_VCPU: io(0x41),
  KVM_SET_USER_MEMORY_REGION: iow(0x46, 32),
  KVM_SET_TSS_ADDR: io(0x47),
  KVM_SET_IDENTITY_MAP_ADDR: iow(0x48, 8),
  KVM_CREATE_IRQCHIP: io(0x60),
  KVM_IRQ_LINE: iow(0x61, 8),
  KVM_CREATE_PIT2: iow(0x77, 64),
  KVM_XEN_HVM_CONFIG: iow(0x7a, 56),
  KVM_ENABLE_CAP: iow(0xa3, 104),
  KVM_X86_SET_MSR_FILTER: iow(0xc6, 392),
  /* on a vCPU */
  KVM_RUN: io(0x80),
  KVM_GET_REGS: ior(0x81, 144),
  KVM_SET_REGS: iow(0x82, 144),
  KVM_GET_SREGS: ior(0x83, 312),
  KVM_SET_SREGS: iow(0x84, 312),
  KVM_TRANSLATE: iowr(0x85, 24),
  KVM_INTERRUPT: iow(0x86, 4),
  KVM_GET_MSRS: iowr(0x88, 8),
  KVM_SET_MSRS: iow(0x89, 8),
  KVM_GET_LAPIC: ior(0x8e, 1024),
  KVM_SET_LAPIC: iow(0x8f, 1024),
  KVM_SET_CPUID2: iow(0x90, 8),
  KVM_NMI: io(0x9a),
  KVM_GET_VCPU_EVENTS: ior(0x9f, 64),
  KVM_SET_VCPU_EVENTS: iow(0xa0, 64),
  KVM_SET_DEBUGREGS: iow(0xa2, 128),
  KVM_GET_TSC_KHZ: io(0xa3),
  KVM_SET_XCRS: iow(0xa7, 392),
} as const;

export type KvmIoctl = keyof typeof kvmIoctl;

/** What KVM_GET_API_VERSION has answered since Linux 2.6.22. */
export const KVM_API_VERSION = 12;
