import { APIC_REG } from "@pvh/abi";
import type { LocalApicHooks } from "./hooks.ts";
import { readRegister, writeRegister } from "./registers.ts";
import type { ApicState } from "./state.ts";

/**
 * Accesses to the xAPIC's page. Only aligned ones of 32 bits are defined (SDM volume 3, 11.4.1). As in Xen, smaller ones
 * within the 32 bits of a register work too; all others read 0 and write nothing.
 */

const END = APIC_REG.TIMER_DIVIDE + 16;

/** An unsigned integer of `size` bytes. */
export function readPage(
  apics: ApicState,
  hooks: LocalApicHooks,
  vcpu: number,
  offset: number,
  size: number,
): number {
  if (!withinRegister(offset, size)) return 0;
  const value = readRegister(apics, hooks, vcpu, offset & ~0xf) >>> ((offset & 3) * 8);
  return size === 4 ? value : value & sizeMask(size);
}

export function writePage(
  apics: ApicState,
  hooks: LocalApicHooks,
  vcpu: number,
  offset: number,
  size: number,
  value: number,
): void {
  if (!withinRegister(offset, size)) return;
  const register = offset & ~0xf;
  if (size === 4) {
    writeRegister(apics, hooks, vcpu, register, value | 0);
    return;
  }
  const shift = (offset & 3) * 8;
  const mask = sizeMask(size) << shift;
  const others = readRegister(apics, hooks, vcpu, register) & ~mask;
  writeRegister(apics, hooks, vcpu, register, others | ((value << shift) & mask));
}

function withinRegister(offset: number, size: number): boolean {
  return offset >= 0 && offset < END && size >= 1 && (offset & 0xf) + size <= 4;
}

function sizeMask(size: number): number {
  return (1 << (size * 8)) - 1;
}
