import { HVM_SAVE_CODE, hvmHwCpu, hvmSaveDescriptor } from "@pvh/abi";
import { expect, test } from "vitest";
import { CrashReport } from "../../domain.ts";
import { reportOf } from "./registers.ts";

function record(typecode: number, instance: number, body: Uint8Array): Uint8Array {
  return Buffer.concat([hvmSaveDescriptor.encode({ typecode, instance, length: body.length }), body]);
}
const cpu = (values: Parameters<typeof hvmHwCpu.encode>[0]) => hvmHwCpu.encode(values);
const context = Buffer.concat([
  record(HVM_SAVE_CODE.HEADER, 0, new Uint8Array(24)),
  record(HVM_SAVE_CODE.CPU, 1, cpu({ rip: 0x1000n })),
  record(5, 0, new Uint8Array(13)),
  record(HVM_SAVE_CODE.CPU, 0, cpu({ rip: 0xffffffff81000000n, rax: 7n, msr_efer: 0xd01n, cs_sel: 0x10 })),
  record(HVM_SAVE_CODE.END, 0, new Uint8Array()),
]);

test("the registers of a vCPU are told by their names", () => {
  const report = reportOf(context, 0);
  expect(CrashReport.parse(report)).toEqual(report);
  expect(report).toMatchObject({ vcpu: 0, rip: "0xffffffff81000000", lastExits: [] });
  expect(report?.registers).toMatchObject({
    rax: "0x7",
    rip: "0xffffffff81000000",
    efer: "0xd01",
    cs: "0x10",
    r15: "0x0",
  });
  expect(Object.keys(report?.registers ?? {})[0]).toBe("rax");
  expect(reportOf(context, 1)).toMatchObject({ vcpu: 1, rip: "0x1000" });
});

test("a vCPU without a record, and a context that is cut off, have no report", () => {
  expect(reportOf(context, 2)).toBeUndefined();
  expect(reportOf(context.subarray(0, context.length - 100), 0)).toBeUndefined();
  expect(reportOf(new Uint8Array(), 0)).toBeUndefined();
});
