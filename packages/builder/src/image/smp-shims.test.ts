import {
  HYPERCALL,
  MMUEXT,
  mmuextOp,
  PAGE_SIZE,
  VCPUOP,
  vcpuGuestContext,
  vcpuHvmContext,
  vcpuHvmX86_64,
  XENVER,
  xenFeatureInfo,
} from "@pvh/abi";
import { afterAll, describe, expect, type TestContext, test } from "vitest";
import { hypercallPage } from "./hypercall-page.ts";
import { DATA, DATA_SIZE, DISTINCT, type Registers, type StubCall, stubRunner } from "./run-stub.testing.ts";

const page = hypercallPage({ kind: "vmcall" }, { smpShims: true });
const runner = stubRunner();
afterAll(() => {
  if (typeof runner !== "string") runner.dispose();
});

type Call = Omit<StubCall, "page" | "slot">;

/** What the hypervisor saw in its one call, and which registers but rax the caller has otherwise than before. */
function run(context: TestContext, slot: number, call: Call = {}) {
  if (typeof runner === "string") return context.skip(runner);
  const { traps, trap, registers, data } = runner.run({ page, slot, ...call });
  expect(traps).toBe(1n);
  const { rax, ...after } = registers;
  const before = new Map(Object.entries({ ...DISTINCT, ...call.registers }));
  const changed = Object.entries(after).filter(([name, value]) => before.get(name) !== value);
  return { seen: trap.registers, argument: trap.argument, rax, changed, data };
}

/** The hypervisor saw what an ordinary stub shows it: the call's number, and all else as the caller had it. */
function expectPlain(context: TestContext, slot: number, call: Call, result = 0n) {
  const found = run(context, slot, { ...call, result });
  // The return address is on the stack.
  const rsp = DISTINCT.rsp - 8n;
  expect(found.seen).toEqual({ ...DISTINCT, ...call.registers, rax: BigInt(slot), rsp });
  expect([found.rax, found.changed]).toEqual([BigInt.asUintN(64, result), []]);
  return found;
}

describe("xen_version", () => {
  const { xen_version: slot } = HYPERCALL;
  const call = (cmd: number, submap_idx = 0) => ({
    registers: { rdi: BigInt(cmd), rsi: BigInt(DATA) },
    data: xenFeatureInfo.encode({ submap_idx, submap: 0x12305 }),
    spoiled: 2,
  });

  test("the features have supervisor_mode_kernel", (context) => {
    // The upper half of rdi is no part of the command.
    const registers = { rdi: 0xffffffff00000006n, rsi: BigInt(DATA) };
    const { seen, rax, changed, data } = run(context, slot, { ...call(XENVER.get_features), registers });
    expect(seen).toMatchObject({ rax: 17n, ...registers });
    expect(xenFeatureInfo.decode(data)).toEqual({ submap_idx: 0, submap: 0x1230d });
    expect([rax, changed]).toEqual([0n, []]);
  });

  test.for([
    ["another command", call(XENVER.version), 0x40011n],
    ["another word of features", call(XENVER.get_features, 1), 0n],
    ["a failure", call(XENVER.get_features), -14n],
  ] as const)("%s leaves the argument as it is", ([, input, result], context) => {
    const { seen, rax, changed, data } = run(context, slot, { ...input, result });
    expect(seen).toMatchObject({ rax: 17n, ...input.registers });
    expect(xenFeatureInfo.decode(data).submap).toBe(0x12305);
    expect([rax, changed]).toEqual([BigInt.asUintN(64, result), []]);
  });
});

describe("vcpu_op", () => {
  const { vcpu_op: slot } = HYPERCALL;
  const names = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "rip"] as const;
  const guest = Object.fromEntries(names.map((name, i) => [name, 0xfedcba9876543210n - BigInt(i)]));
  const initialise: Call = {
    registers: { rdi: 0xffffffff00000000n | BigInt(VCPUOP.initialise), rsi: 3n, rdx: BigInt(DATA) },
    data: vcpuGuestContext.encode({
      flags: 0x24n,
      user_regs: { ...guest, rflags: 0x200n, r8: 8n, r15: 15n },
      ctrlreg: [0n, 0n, 0n, 0x123456000n],
    }),
    spoiled: 3,
  };

  test("VCPUOP_initialise takes a classic guest's context to Xen as that of an HVM container", (context) => {
    const { seen, argument, rax, changed } = run(context, slot, initialise);
    expect(seen).toEqual({ ...DISTINCT, ...initialise.registers, rax: 24n, rdx: seen.rdx, rsp: seen.rdx });
    const { mode, pad, cpu_regs } = vcpuHvmContext.decode(argument);
    expect([mode, pad]).toEqual([1, 0]);
    expect(vcpuHvmX86_64.decode(cpu_regs)).toEqual({
      ...guest,
      rflags: 0x202n,
      cr0: 0x80000011n,
      cr3: 0x123456000n,
      cr4: 0xb0n,
      efer: 0x500n,
    });
    expect([...cpu_regs.subarray(vcpuHvmX86_64.size)]).toEqual(Array(8).fill(0));
    expect([rax, changed]).toEqual([0n, []]);
  });

  test("what Xen answers is what the guest gets", (context) => {
    const { rax, changed } = run(context, slot, { ...initialise, result: -17n });
    expect([rax, changed]).toEqual([BigInt.asUintN(64, -17n), []]);
  });

  test.for([VCPUOP.up, VCPUOP.is_up, VCPUOP.set_singleshot_timer])(
    "command %i is an ordinary call",
    (cmd, context) => {
      expectPlain(context, slot, { registers: { rdi: BigInt(cmd) } }, -22n);
    },
  );
});

describe("mmuext_op", () => {
  const { mmuext_op: slot } = HYPERCALL;
  const DONE = DATA + DATA_SIZE - 8;
  const call = (cmds: readonly number[], done = 0) => {
    const data = new Uint8Array(DATA_SIZE).fill(0xee);
    cmds.forEach((cmd, i) => {
      mmuextOp.writeTo(data, i * mmuextOp.size, { cmd });
    });
    const registers: Partial<Registers> = {
      rdi: BigInt(DATA),
      rsi: BigInt(cmds.length),
      rdx: BigInt(done),
      r10: 0x7ff0n,
    };
    return { registers, data, spoiled: 2 };
  };
  const doneOf = (data: Uint8Array) => new DataView(data.buffer).getUint32(DATA_SIZE - 8, true);

  test.for([
    [[MMUEXT.TLB_FLUSH_LOCAL]],
    [[MMUEXT.INVLPG_ALL]],
    [Object.values(MMUEXT)],
    [Array<number>(300).fill(MMUEXT.TLB_FLUSH_MULTI)],
  ] as const)("flushes become one of all TLBs: %j", ([cmds], context) => {
    const { seen, rax, changed, data } = run(context, slot, call(cmds, DONE));
    expect(seen).toMatchObject({ rax: 34n, rdi: 5n, rsi: 0n });
    expect([rax, changed, doneOf(data)]).toEqual([0n, [], cmds.length]);
  });

  test("without an address the number of operations is not stored, nor when the flush fails", (context) => {
    const input = call([MMUEXT.TLB_FLUSH_ALL]);
    const quiet = run(context, slot, input);
    expect([quiet.rax, quiet.changed, Buffer.compare(quiet.data, input.data)]).toEqual([0n, [], 0]);
    const failed = run(context, slot, { ...call([MMUEXT.TLB_FLUSH_ALL], DONE), result: -38n });
    expect([failed.rax, failed.changed, doneOf(failed.data)]).toEqual([
      BigInt.asUintN(64, -38n),
      [],
      0xeeeeeeee,
    ]);
  });

  test.for([[[5]], [[12]], [[0]], [[0xffffffff]], [[6, 7, 12]], [[20, 6]]] as const)(
    "with anything else it is an ordinary call: %j",
    ([cmds], context) => {
      expectPlain(context, slot, { ...call(cmds, DONE), spoiled: 0 }, -22n);
    },
  );
});

test("the other stubs are ordinary ones, and those that are left above 63 are whole", (context) => {
  const plain = hypercallPage({ kind: "vmcall" });
  const { xen_version, vcpu_op, mmuext_op } = HYPERCALL;
  const stub = (of: Uint8Array, nr: number) =>
    Buffer.from(of.subarray(nr * 32, nr * 32 + 32)).toString("hex");
  const others = Array.from({ length: 128 }, (_, nr) => nr).filter(
    (nr) => stub(page, nr) !== stub(plain, nr),
  );
  const area = others.slice(3);
  expect(others.slice(0, 3)).toEqual([xen_version, vcpu_op, mmuext_op]);
  expect(area).toEqual(area.map((_, i) => 64 + i));
  expectPlain(context, HYPERCALL.sched_op, {});
  expectPlain(context, 127, {});
});

test("with vmmcall nothing is different but the trap", () => {
  const amd = hypercallPage({ kind: "vmmcall" }, { smpShims: true });
  const differences = Array.from({ length: PAGE_SIZE }, (_, i) => i).filter((i) => amd[i] !== page[i]);
  for (const at of differences) {
    expect([...page.subarray(at - 2, at + 1)]).toEqual([0x0f, 0x01, 0xc1]);
    expect([...amd.subarray(at - 2, at + 1)]).toEqual([0x0f, 0x01, 0xd9]);
  }
  expect(differences.length).toBeGreaterThan(100);
});
