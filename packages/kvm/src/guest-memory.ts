import { kvmIoctl, kvmUserspaceMemoryRegion } from "@pvh/abi";
import type { RamRange } from "@pvh/builder";
import { hex, PvhError } from "@pvh/errors";
import { kvmCallWith } from "./host/kvm.ts";
import { errno, errnoName, ioctlPointer, mapMemoryFile, type SharedMapping, viewOf } from "./host/libc.ts";
import { mebibytes } from "./host/memory.ts";

/** A range of guest RAM as host memory; plain data that goes to the vCPU workers. */
export interface RamSlot extends SharedMapping {
  /** Guest-physical address of the first byte. */
  gpa: number;
}

/** Guest RAM for `ranges`: zeroed, and taken from the host page by page as it is touched. */
export function allocateRam(ranges: readonly RamRange[]): RamSlot[] {
  return ranges.map(({ gpa, size }) => {
    const mapping = mapMemoryFile("guest-ram", size);
    if (mapping !== undefined) return { gpa, ...mapping };
    throw new PvhError(
      "HOST_MEMORY",
      `The host refused ${mebibytes(size)} of address space for the guest's memory at ${hex(gpa)} (mmap: ${errnoName(errno())}): lower memory, or raise the limits (ulimit -v, vm.overcommit_memory).`,
      { field: "memory", found: mebibytes(size) },
    );
  });
}

/** Makes the slots the guest's memory, numbered from 0. */
export function registerRam(vmFd: number, slots: readonly RamSlot[]): void {
  slots.forEach(({ gpa, size, address }, slot) => {
    const region = { slot, guest_phys_addr: gpa, memory_size: size, userspace_addr: address };
    kvmCallWith(vmFd, "KVM_SET_USER_MEMORY_REGION", kvmUserspaceMemoryRegion.encode(region));
  });
}

/** Changes one slot while the guest runs: `size` 0 takes it away. False when KVM refuses. */
export function trySetMemorySlot(
  vmFd: number,
  slot: number,
  gpa: number,
  size: number,
  address: bigint,
): boolean {
  const region = { slot, guest_phys_addr: gpa, memory_size: size, userspace_addr: address };
  const argument = kvmUserspaceMemoryRegion.encode(region);
  return ioctlPointer(vmFd, kvmIoctl.KVM_SET_USER_MEMORY_REGION, argument) >= 0;
}

/** One slot with its views, made once for each thread. */
export interface RamView {
  readonly gpa: number;
  /** Guest-physical address after the last byte. */
  readonly end: number;
  /** The first byte's address in this process. */
  readonly address: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly data: DataView<ArrayBuffer>;
  /** For atomic access. */
  readonly words: Int32Array<ArrayBuffer>;
}

/** Memory that comes and goes while the guest runs. */
export interface ExtraMemory {
  find(gpa: number, length: number): RamView | undefined;
}

const none: ExtraMemory = { find: () => undefined };

export function ramView(gpa: number, buffer: ArrayBuffer, address: bigint): RamView {
  return {
    gpa,
    end: gpa + buffer.byteLength,
    address: Number(address),
    bytes: new Uint8Array(buffer),
    data: new DataView(buffer),
    words: new Int32Array(buffer),
  };
}

/** Guest memory by guest-physical address. Every access is checked against the slots. */
export class GuestMemory {
  readonly slots: readonly RamView[];
  readonly #extra: ExtraMemory;

  constructor(
    slots: readonly { gpa: number; buffer: ArrayBuffer; address?: bigint }[],
    extra: ExtraMemory = none,
  ) {
    this.slots = slots.map(({ gpa, buffer, address = 0n }) => ramView(gpa, buffer, address));
    this.#extra = extra;
  }

  static of(slots: readonly RamSlot[], extra: ExtraMemory = none): GuestMemory {
    return new GuestMemory(
      slots.map((slot) => ({ gpa: slot.gpa, buffer: viewOf(slot), address: slot.address })),
      extra,
    );
  }

  /** The slot that holds all of [gpa, gpa + length). Never throws and allocates nothing. */
  find(gpa: number, length: number): RamView | undefined {
    for (const slot of this.slots) {
      if (gpa >= slot.gpa && gpa + length <= slot.end) return slot;
    }
    return this.#extra.find(gpa, length);
  }

  /**
   * The bytes themselves, not a copy.
   *
   * @throws RangeError when part of the range is not RAM.
   */
  bytes(gpa: number, length: number): Uint8Array<ArrayBuffer> {
    const slot = this.find(gpa, length);
    if (slot === undefined) throw new RangeError(`${length} bytes at ${hex(gpa)} are not guest RAM`);
    return slot.bytes.subarray(gpa - slot.gpa, gpa - slot.gpa + length);
  }
}
