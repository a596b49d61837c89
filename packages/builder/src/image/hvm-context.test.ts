import { HVM_SAVE_CODE, hvmHwCpu, hvmHwMtrr, hvmSaveDescriptor, hvmSaveHeader } from "@pvh/abi";
import { expect, test } from "vitest";
import { classicContext } from "../classic/context.ts";
import { directContext } from "../direct/context.ts";
import { cpuContextStream, mtrrContextStream } from "./hvm-context.ts";

function record(typecode: number, instance: number, body: Uint8Array): Uint8Array[] {
  return [hvmSaveDescriptor.encode({ typecode, instance, length: body.length }), body];
}

const header = record(
  HVM_SAVE_CODE.HEADER,
  0,
  hvmSaveHeader.encode({
    magic: 0x54381286,
    version: 1,
    changeset: 7n,
    cpuid: 0x800f12,
    gtsc_khz: 2_600_000,
  }),
);
const end = record(HVM_SAVE_CODE.END, 0, new Uint8Array());
const mtrrs = [0, 1].flatMap((instance) =>
  record(
    HVM_SAVE_CODE.MTRR,
    instance,
    hvmHwMtrr.encode({
      msr_pat_cr: 0x0007040600070406n + BigInt(instance),
      msr_mtrr_cap: 0x508n,
      msr_mtrr_var: [1n],
    }),
  ),
);
/** As of a new domain: no CPU record, and records of types that are none of ours. */
const fetched = new Uint8Array(
  Buffer.concat([...header, ...record(5, 0, new Uint8Array(24)), ...mtrrs, ...end]),
);

/** The one record between the header of `fetched` and the end. */
function only(stream: Uint8Array) {
  expect(Buffer.compare(stream.subarray(0, 32), fetched.subarray(0, 32))).toBe(0);
  const { length, ...descriptor } = hvmSaveDescriptor.decode(stream, 32);
  expect([...stream.subarray(40 + length)]).toEqual(Array(8).fill(0));
  return { ...descriptor, length, body: stream.subarray(40, 40 + length) };
}

test("the first vCPU of a classic guest enters in long mode", () => {
  const stream = cpuContextStream(
    fetched,
    classicContext({
      entry: 0xffffffff81000000n,
      startInfo: 0xffffffff82000800n,
      stackTop: 0xffffffff82100000n,
      pageTables: 0x2004000,
    }),
  );
  expect(stream.length).toBe(1080);
  const { body, ...descriptor } = only(stream);
  expect(descriptor).toEqual({ typecode: 2, instance: 0, length: 1032 });
  const cpu = hvmHwCpu.decode(body);
  expect(cpu).toMatchObject({
    rip: 0xffffffff81000000n,
    rsi: 0xffffffff82000800n,
    rsp: 0xffffffff82100000n,
    rflags: 2n,
    cr0: 0x80000011n,
    cr3: 0x2004000n,
    cr4: 0x20n,
    msr_efer: 0x500n,
    dr6: 0xffff0ff0n,
    dr7: 0x400n,
    cs_arbytes: 0xa9b,
    cs_limit: 0xffffffff,
    ss_arbytes: 0xc93,
    gs_arbytes: 0xc93,
    tr_arbytes: 0x8b,
    tr_limit: 0xff,
    ldtr_arbytes: 0x82,
    flags: 0,
    pad0: 0,
  });
  expect(cpu.fpu_regs.every((byte) => byte === 0)).toBe(true);
});

test("the first vCPU of a direct guest is what libxc makes it", () => {
  const expected = hvmHwCpu.encode({
    cs_limit: 0xffffffff,
    ds_limit: 0xffffffff,
    es_limit: 0xffffffff,
    ss_limit: 0xffffffff,
    tr_limit: 0x67,
    cs_arbytes: 0xc9b,
    ds_arbytes: 0xc93,
    es_arbytes: 0xc93,
    ss_arbytes: 0xc93,
    tr_arbytes: 0x8b,
    cr0: 0x11n,
    rip: 0x1000000n,
    rbx: 0x2000000n,
    dr6: 0xffff0ff0n,
    dr7: 0x400n,
    // Xen would add the bit that always reads 1.
    rflags: 2n,
  });
  const { body } = only(cpuContextStream(fetched, directContext(0x1000000, 0x2000000)));
  expect(hvmHwCpu.decode(body)).toEqual(hvmHwCpu.decode(expected));
});

test("every register of the state has its place in the record", () => {
  const state = directContext(0, 0);
  let next = 1n;
  const numbered = <Keys extends string>(values: Record<Keys, unknown>) => {
    const pairs = Object.keys(values).map((name) => [name, next++ << 8n]);
    return Object.fromEntries(pairs);
  };
  const registers = { ...state.registers, ...numbered(state.registers) };
  const segments = Object.entries(state.segments).map(([name]) => {
    const one = { selector: Number(next++), base: next++, limit: Number(next++), attributes: Number(next++) };
    return [name, one] as const;
  });
  const tables = {
    gdt: { base: next++, limit: Number(next++) },
    idt: { base: next++, limit: Number(next++) },
  };
  const { body } = only(
    cpuContextStream(fetched, {
      ...state,
      ...tables,
      registers,
      segments: { ...state.segments, ...Object.fromEntries(segments) },
      cr2: 0xc2n,
      kernelGsBase: 0x65n,
    }),
  );
  const cpu: Record<string, unknown> = hvmHwCpu.decode(body);
  const { rflags, ...general } = registers;
  expect(cpu).toMatchObject({ ...general, rflags: rflags | 2n, cr2: 0xc2n, shadow_gs: 0x65n });
  for (const [name, { selector, base, limit, attributes }] of segments) {
    expect([cpu[`${name}_sel`], cpu[`${name}_base`], cpu[`${name}_limit`], cpu[`${name}_arbytes`]]).toEqual([
      selector,
      base,
      limit,
      attributes,
    ]);
  }
  expect([cpu.gdtr_base, cpu.gdtr_limit, cpu.idtr_base, cpu.idtr_limit]).toEqual([
    tables.gdt.base,
    tables.gdt.limit,
    tables.idt.base,
    tables.idt.limit,
  ]);
});

test("all vCPUs get the first one's MTRRs, turned on, with write-back for all memory", () => {
  const { body, ...descriptor } = only(mtrrContextStream(fetched, 3));
  expect(descriptor).toEqual({ typecode: 14, instance: 3, length: 240 });
  expect(hvmHwMtrr.decode(body)).toMatchObject({
    msr_pat_cr: 0x0007040600070406n,
    msr_mtrr_cap: 0x508n,
    msr_mtrr_def_type: 0x806n,
  });
});

test("a stream that is none is refused", () => {
  const state = directContext(0, 0);
  expect(() => cpuContextStream(new Uint8Array(64), state)).toThrow("does not begin with a header");
  expect(() => cpuContextStream(fetched.subarray(8), state)).toThrow("does not begin with a header");
  expect(() => cpuContextStream(fetched.subarray(0, 20), state)).toThrow("does not fit");
  const bare = new Uint8Array(Buffer.concat([...header, ...end]));
  expect(() => mtrrContextStream(bare, 0)).toThrow("no MTRR record");
  expect(() => mtrrContextStream(fetched.subarray(0, 100), 0)).toThrow(RangeError);
});
