import { E820_TYPE, e820Entry, kvmRun } from "@pvh/abi";
import { beforeEach, describe, expect, test } from "vitest";
import type { VcpuControl } from "../shared/vcpu-control.ts";
import { HYPERCALL_PORT } from "./hypercall-port.ts";
import type { HypercallPort } from "./hypercalls.ts";
import type { FakeVcpu } from "./run-page.testing.ts";
import { DATA, type FakeXen, fakeXen, UUID } from "./xen.testing.ts";

const [EPERM, EFAULT, EINVAL, ENOSYS] = [-1n, -14n, -22n, -38n] as const;

let fake: FakeXen;
let vcpu: FakeVcpu;
let control: VcpuControl;
let ends: FakeXen["ends"];
let port: HypercallPort;

beforeEach(() => {
  fake = fakeXen();
  ({ vcpu, ends, port } = fake);
  control = fake.host.control;
});

const code: FakeXen["code"] = (bits, dpl) => fake.code(bits, dpl);
const call: FakeXen["call"] = (nr, ...values) => fake.call(nr, ...values);

/** A 32-bit call; registers that no argument is in are full of rubbish. */
function call32(nr: number, ...values: (number | bigint)[]): bigint {
  const [rbx = 0, rcx = 0, rdx = 0] = values;
  const rubbish = 0xdeadbeef_deadbeefn;
  vcpu.regs({ rax: nr, rbx, rcx, rdx, rsi: rubbish, rdi: rubbish, r10: rubbish });
  port.write(HYPERCALL_PORT, 4, nr);
  return vcpu.rax();
}

const data = (length: number, at = DATA) => vcpu.memory.bytes(at, length);
const text = (length: number) => new TextDecoder().decode(data(length)).replace(/\0.*$/s, "");
const u32 = (at: number) => new DataView(data(4, at).buffer).getUint32(at, true);
const put32 = (at: number, value: number) => new DataView(data(4, at).buffer).setUint32(at, value, true);

describe("every call", () => {
  test("is refused outside the guest's kernel", () => {
    for (const dpl of [1, 2, 3]) {
      code(64, dpl);
      expect(call(17, 0)).toBe(EPERM);
    }
    expect(control.refused().size).toBe(0);
  });

  test("that is unknown is refused and counted by number", () => {
    for (const nr of [0, 33, 33, 63, 64, 0xffffffff]) expect(call(nr, 1, 2, 3)).toBe(ENOSYS);
    expect([...control.refused()]).toEqual([
      [0, 1],
      [33, 2],
      [63, 1],
      [64, 2],
    ]);
  });

  test("comes by a write of four bytes", () => {
    vcpu.regs({ rax: 17 });
    port.write(HYPERCALL_PORT, 1, 17);
    expect(vcpu.rax()).toBe(17n);
    expect(port.read(HYPERCALL_PORT, 1)).toBe(0xff);
  });
});

describe("a call by the processor's instruction", () => {
  const { input, result } = kvmRun.xen;
  /** What KVM is to put into rax. */
  function trapped(nr: number, rdi: number): bigint {
    vcpu.regs({ rax: 0x1234, rdi });
    vcpu.run.data.setBigUint64(input, BigInt(nr), true);
    port.trapped();
    expect(vcpu.rax()).toBe(0x1234n);
    return vcpu.run.data.getBigInt64(result, true);
  }

  test("has the same answers", () => {
    expect([trapped(17, 0), trapped(33, 0), trapped(17, 99)]).toEqual([0x40011n, ENOSYS, ENOSYS]);
    expect(control.refused().get(33)).toBe(1);
  });

  test("is refused outside the guest's kernel", () => {
    code(64, 3);
    expect(trapped(17, 0)).toBe(EPERM);
  });
});

describe("xen_version", () => {
  test("numbers", () => {
    expect([call(17, 0), call(17, 7)]).toEqual([0x40011n, 4096n]);
  });

  test("texts", () => {
    expect([call(17, 1, DATA), text(16)]).toEqual([0n, ".0-pvh"]);
    expect([call(17, 3, DATA), text(1024)]).toEqual([
      0n,
      "xen-3.0-x86_64 hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 ",
    ]);
    expect([call(17, 9, DATA), text(1024)]).toEqual([0n, "<denied>"]);
  });

  test("the domain's handle and the features", () => {
    expect(call(17, 8, DATA)).toBe(0n);
    expect(Buffer.from(data(16)).toString("hex")).toBe(UUID.replaceAll("-", ""));
    put32(DATA, 0);
    expect([call(17, 6, DATA), u32(DATA + 4)]).toEqual([0n, 0x12305]);
    put32(DATA, 1);
    expect(call(17, 6, DATA)).toBe(EINVAL);
  });

  test("what there is not", () => {
    expect([call(17, 10, DATA), call(17, 11, DATA), call(17, -1)]).toEqual([EPERM, ENOSYS, ENOSYS]);
  });

  test.each([0x10000, 0x200000, 0x8000_0000_0000_0000n, 0x1_0000_8000n])("bad pointer %s", (pointer) => {
    for (const cmd of [1, 2, 3, 4, 5, 6, 8, 9]) expect(call(17, cmd, pointer)).toBe(EFAULT);
  });

  test("from 32-bit code", () => {
    code(32);
    data(16).fill(0xaa);
    expect([call32(17, 5, DATA), u32(DATA), u32(DATA + 4)]).toEqual([0n, 0, 0xaaaaaaaa]);
    expect(call32(17, 11, DATA)).toBe(0xffffffdan);
  });
});

describe("console_io", () => {
  test("writes, also more than it does at once", () => {
    data(3).set(new TextEncoder().encode("hi\n"));
    expect([call(18, 0, 3, DATA), fake.takeOutput()]).toEqual([0n, "hi\n"]);
    data(0x8000).fill(0x78);
    expect([call(18, 0, 0x8000, DATA), fake.takeOutput().length]).toEqual([0n, 0x8000]);
  });

  test("refuses what it cannot do", () => {
    expect(call(18, 0, -1, DATA)).toBe(EINVAL);
    expect(call(18, 0, 0x7fffffff, DATA)).toBe(EFAULT);
    expect([call(18, 1, 3, DATA), call(18, 2, 3, DATA)]).toEqual([EPERM, ENOSYS]);
  });
});

describe("sched_op", () => {
  test.each([
    [0, "poweroff"],
    [1, "reboot"],
    [2, "suspend"],
    [3, "crash"],
    [4, "watchdog"],
    [5, "soft-reset"],
    [99, "crash"],
  ])("shutdown with reason %d is %s", (code, reason) => {
    put32(DATA, code);
    expect([call(29, 2, DATA), ends[0]?.[0]]).toEqual([0n, reason]);
  });

  test("yield, and what is not there", () => {
    expect([call(29, 0), call(29, 2, 0x10000), call(29, 7), call(29, 8)]).toEqual([
      0n,
      EFAULT,
      EPERM,
      ENOSYS,
    ]);
    expect(ends).toEqual([]);
  });
});

describe("memory_op(memory_map)", () => {
  const entries = (count: number, at: number) =>
    Array.from({ length: count }, (_, i) => e820Entry.decode(data(20, at + 20 * i)));

  test("gives as many entries as there is room for", () => {
    put32(DATA, 128);
    new DataView(data(8, DATA + 8).buffer).setBigUint64(DATA + 8, 0x9000n, true);
    expect([call(12, 9, DATA), u32(DATA)]).toEqual([0n, 2]);
    expect(entries(2, 0x9000)).toEqual([
      { addr: 0n, size: 0x10000n, type: E820_TYPE.ram },
      { addr: 0xfeff8000n, size: 0x8000n, type: E820_TYPE.reserved },
    ]);
    put32(DATA, 1);
    data(40, 0x9000).fill(0);
    expect([call(12, 9, DATA), u32(DATA), entries(2, 0x9000)[1]?.size]).toEqual([0n, 1, 0n]);
  });

  test("from 32-bit code: the pointer stands at 4", () => {
    code(32);
    put32(DATA, 128);
    put32(DATA + 4, 0xa000);
    put32(DATA + 8, 0xffffffff);
    expect([call32(12, 9, DATA), u32(DATA), entries(1, 0xa000)[0]?.size]).toEqual([0n, 2, 0x10000n]);
  });

  test("bad pointers and other commands", () => {
    put32(DATA, 128);
    new DataView(data(8, DATA + 8).buffer).setBigUint64(DATA + 8, 0xfff0n, true);
    expect([call(12, 9, DATA), call(12, 9, 0x10000), call(12, 12, DATA)]).toEqual([EFAULT, EFAULT, ENOSYS]);
  });
});
