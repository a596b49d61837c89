import { PTE } from "@pvh/abi";
import type { GuestMemory, RamView } from "../guest-memory.ts";
import type { RunPage } from "../vcpu/run-page.ts";

const CR0_WP = 1 << 16;
const CR0_PG = 1 << 31;
const CR4_PSE = 1 << 4;
const CR4_PAE = 1 << 5;
const CR4_LA57 = 1 << 12;
const CR4_SMAP = 1 << 21;
const RFLAGS_AC = 1 << 18;

const { P: PRESENT, RW: WRITABLE, US: USER, A: ACCESSED, D: DIRTY, PS: LARGE } = PTE;

const NOT_MAPPED = -1;
/** Below this a byte loop is quicker than making a view. */
const SMALL = 64;

/**
 * Guest memory by guest virtual address, as hypercall arguments name it: walked with the vCPU's current page tables,
 * with the access rights that the kernel of the guest has. Addresses are two halves of 32 bits.
 *
 * What is not mapped, not writable or not RAM makes a copy return false (-EFAULT); part of it may have been done then,
 * as Xen does it. Nothing here throws or allocates by size of what the guest asks.
 */
export class GuestVirtual {
  readonly #memory: GuestMemory;
  readonly #run: RunPage;
  /** The page table entry that was read last. */
  #low = 0;
  #high = 0;
  /** Rights of the walk so far: the AND of all entries. */
  #rights = 0;

  constructor(memory: GuestMemory, run: RunPage) {
    this.#memory = memory;
    this.#run = run;
  }

  copyIn(high: number, low: number, target: Uint8Array, length: number): boolean {
    return this.#copy(high, low, target, length, false);
  }

  copyOut(high: number, low: number, source: Uint8Array, length: number): boolean {
    return this.#copy(high, low, source, length, true);
  }

  #copy(high: number, low: number, bytes: Uint8Array, length: number, write: boolean): boolean {
    let done = 0;
    let lo = low >>> 0;
    let hi = high | 0;
    while (done < length) {
      const chunk = Math.min(length - done, 4096 - (lo & 0xfff));
      const gpa = this.translate(hi, lo, write);
      const slot = gpa === NOT_MAPPED ? undefined : this.#memory.find(gpa, chunk);
      if (slot === undefined) return false;
      transfer(slot, gpa - slot.gpa, bytes, done, chunk, write);
      done += chunk;
      if (lo + chunk > 0xffffffff) {
        if (!this.#run.longMode && done < length) return false;
        hi = (hi + 1) | 0;
      }
      lo = (lo + chunk) >>> 0;
    }
    return true;
  }

  /** The guest-physical address behind a virtual one, or -1. Marks the entries accessed (and dirty), as a processor does. */
  translate(high: number, low: number, write: boolean): number {
    const run = this.#run;
    if ((run.cr0 & CR0_PG) === 0) return low >>> 0;
    const cr4 = run.cr4;
    this.#rights = WRITABLE | USER;
    if (run.longMode) return this.#walkLong(high, low, write, (cr4 & CR4_LA57) !== 0);
    if ((cr4 & CR4_PAE) !== 0) return this.#walkPae(low, write);
    return this.#walkTwoLevels(low, write, (cr4 & CR4_PSE) !== 0);
  }

  #walkLong(high: number, low: number, write: boolean, fiveLevels: boolean): number {
    const sign = fiveLevels ? 7 : 16;
    if ((high << sign) >> sign !== high) return NOT_MAPPED;
    let table = aligned(this.#run.cr3);
    if (fiveLevels) {
      if (!this.#entry8(table, (high >>> 16) & 511)) return NOT_MAPPED;
      table = this.#frame();
    }
    if (!this.#entry8(table, (high >>> 7) & 511)) return NOT_MAPPED;
    if (!this.#entry8(this.#frame(), ((high & 0x7f) << 2) | (low >>> 30))) return NOT_MAPPED;
    if ((this.#low & LARGE) !== 0) return this.#page(low, 0x3fffffff, write);
    return this.#walkLow(low, write);
  }

  #walkPae(low: number, write: boolean): number {
    const table = this.#run.cr3;
    // Entries of the top table have no rights and no accessed bit.
    if (!this.#read8(table - (table % 32) + (low >>> 30) * 8) || (this.#low & PRESENT) === 0)
      return NOT_MAPPED;
    return this.#walkLow(low, write);
  }

  /** The two lowest levels of long mode and PAE paging, below the entry that was read last. */
  #walkLow(low: number, write: boolean): number {
    if (!this.#entry8(this.#frame(), (low >>> 21) & 511)) return NOT_MAPPED;
    if ((this.#low & LARGE) !== 0) return this.#page(low, 0x1fffff, write);
    if (!this.#entry8(this.#frame(), (low >>> 12) & 511)) return NOT_MAPPED;
    return this.#page(low, 0xfff, write);
  }

  #walkTwoLevels(low: number, write: boolean, largePages: boolean): number {
    const table = aligned(this.#run.cr3 % 2 ** 32);
    if (!this.#entry4(table + (low >>> 22) * 4)) return NOT_MAPPED;
    if (largePages && (this.#low & LARGE) !== 0) {
      // PSE-36: bits 13-20 are bits 32-39 of the address.
      this.#high = (this.#low >>> 13) & 0xff;
      return this.#page(low, 0x3fffff, write);
    }
    if (!this.#entry4(this.#frame() + ((low >>> 12) & 1023) * 4)) return NOT_MAPPED;
    return this.#page(low, 0xfff, write);
  }

  #entry8(table: number, index: number): boolean {
    return this.#read8(table + index * 8) && this.#accept();
  }

  #entry4(at: number): boolean {
    const slot = this.#memory.find(at, 4);
    if (slot === undefined) return false;
    this.#at = at;
    this.#low = slot.data.getInt32(at - slot.gpa, true);
    this.#high = 0;
    return this.#accept();
  }

  #read8(at: number): boolean {
    const slot = this.#memory.find(at, 8);
    if (slot === undefined) return false;
    this.#at = at;
    this.#low = slot.data.getInt32(at - slot.gpa, true);
    this.#high = slot.data.getInt32(at - slot.gpa + 4, true);
    return true;
  }

  /** Where the entry that was read last stands. */
  #at = 0;

  #accept(): boolean {
    if ((this.#low & PRESENT) === 0) return false;
    this.#rights &= this.#low;
    this.#mark(ACCESSED);
    return true;
  }

  #mark(bits: number): void {
    if ((this.#low & bits) === bits) return;
    const slot = this.#memory.find(this.#at, 4);
    if (slot !== undefined) Atomics.or(slot.words, (this.#at - slot.gpa) / 4, bits);
  }

  #frame(): number {
    return (this.#high & 0xfffff) * 2 ** 32 + ((this.#low & 0xfffff000) >>> 0);
  }

  /** The address inside the page that the last entry maps, if the guest's kernel may do this access. */
  #page(low: number, mask: number, write: boolean): number {
    const run = this.#run;
    if (write && (this.#rights & WRITABLE) === 0 && (run.cr0 & CR0_WP) !== 0) return NOT_MAPPED;
    const userPage = (this.#rights & USER) !== 0;
    if (userPage && (run.cr4 & CR4_SMAP) !== 0 && (run.rflags & RFLAGS_AC) === 0) return NOT_MAPPED;
    if (write) this.#mark(DIRTY);
    return (this.#high & 0xfffff) * 2 ** 32 + (((this.#low & ~mask) | (low & mask)) >>> 0);
  }
}

function aligned(address: number): number {
  return address - (address % 4096);
}

function transfer(
  slot: RamView,
  at: number,
  bytes: Uint8Array,
  done: number,
  chunk: number,
  write: boolean,
): void {
  if (chunk > SMALL) {
    const part = slot.bytes.subarray(at, at + chunk);
    if (write) part.set(bytes.subarray(done, done + chunk));
    else bytes.set(part, done);
    return;
  }
  for (let i = 0; i < chunk; i++) {
    if (write) slot.bytes[at + i] = bytes[done + i] ?? 0;
    else bytes[done + i] = slot.bytes[at + i] ?? 0;
  }
}
