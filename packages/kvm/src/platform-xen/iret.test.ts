import { beforeEach, expect, test } from "vitest";
import { REG } from "../vcpu/run-page.ts";
import { GuestVirtual } from "./guest-virtual.ts";
import { returnFromInterrupt } from "./iret.ts";
import { type FakeVcpu, fakeVcpu, paging } from "./run-page.testing.ts";

const STACK = 0x8000;
const BASE = 0x1000;
const KERNEL_CS = 8;
const IRET = Uint8Array.of(0xcf, 0x90);
const NO_FD = -1;
const segment = { db: 1, s: 1, present: 1, type: 3 };

let vcpu: FakeVcpu;

beforeEach(() => {
  vcpu = fakeVcpu([{ gpa: 0, size: 2 ** 20 }]);
  vcpu.regs({ rip: 0x5000, rsp: STACK, rflags: 0x46 });
  vcpu.sregs({
    ...paging.off,
    cs: { ...segment, selector: KERNEL_CS },
    ss: { ...segment, selector: 16, base: BASE },
  });
  push(0x1234_5678, KERNEL_CS, 0x202);
});

/** What an interrupt has left on the stack. */
function push(eip: number, cs: number, eflags: number): void {
  const { buffer, byteOffset } = vcpu.memory.bytes(BASE + STACK, 12);
  new Uint32Array(buffer, byteOffset, 3).set([eip, cs, eflags]);
}

const done = (instruction = IRET) =>
  returnFromInterrupt(instruction, NO_FD, vcpu.run, new GuestVirtual(vcpu.memory, vcpu.run));
const registers = () => {
  const { run } = vcpu;
  return { rip: run.regLow(REG.rip), rsp: run.regLow(REG.rsp), flags: run.rflags };
};

test("goes back to where the interrupt came, with the flags of then", () => {
  expect(done()).toBe(true);
  expect(registers()).toEqual({ rip: 0x1234_5678, rsp: STACK + 12, flags: 0x202 });
});

test("reserved flags stay what they are", () => {
  push(1, KERNEL_CS, 0xffc0_8028);
  expect(done()).toBe(true);
  expect(registers().flags).toBe(2);
});

test.for<[string, () => void]>([
  ["another code segment", () => push(1, 24, 0x202)],
  ["another ring", () => push(1, KERNEL_CS | 3, 0x202)],
  ["VM86 mode", () => push(1, KERNEL_CS, 0x2_0202)],
  ["another task", () => vcpu.regs({ rflags: 0x4002 })],
  ["from ring 3", () => vcpu.sregs({ ss: { ...segment, dpl: 3 } })],
  ["of 16 bits", () => vcpu.sregs({ cs: { ...segment, db: 0, selector: KERNEL_CS } })],
  ["on a stack of 16 bits", () => vcpu.sregs({ ss: { ...segment, db: 0 } })],
  ["of 64 bits", () => vcpu.sregs(paging.long)],
  ["in real mode", () => vcpu.sregs({ cr0: 0n })],
  ["from a stack outside memory", () => vcpu.regs({ rsp: 0x4000_0000 })],
])("is left to the report: %s", ([, change]) => {
  change();
  const before = registers();
  expect(done()).toBe(false);
  expect(registers()).toEqual(before);
});

test("so is every other instruction, and one that KVM does not tell", () => {
  expect(done(Uint8Array.of(0xcc))).toBe(false);
  expect(done(new Uint8Array())).toBe(false);
});
