import { kvmSregs, SEGMENT_ATTRIBUTES } from "@pvh/abi";
import type { SegmentRegister, VcpuContext } from "@pvh/builder";
import { expect, test } from "vitest";
import { writeSregs } from "./boot-state.ts";

const flat = (attributes: number): SegmentRegister => ({
  selector: 0,
  base: 0n,
  limit: 0xffffffff,
  attributes,
});

function context(): Omit<VcpuContext, "registers"> {
  const data = flat(SEGMENT_ATTRIBUTES.DATA);
  return {
    segments: {
      cs: flat(SEGMENT_ATTRIBUTES.CODE64),
      ds: data,
      es: data,
      fs: { ...data, base: 0x1234n },
      gs: flat(SEGMENT_ATTRIBUTES.UNUSABLE),
      ss: flat(SEGMENT_ATTRIBUTES.DATA | (3 << 5)),
      tr: { selector: 8, base: 0x1000n, limit: 0x67, attributes: SEGMENT_ATTRIBUTES.TSS_BUSY },
      ldtr: { selector: 0, base: 0n, limit: 0, attributes: SEGMENT_ATTRIBUTES.LDT },
    },
    gdt: { base: 0x2000n, limit: 0x7f },
    idt: { base: 0n, limit: 0 },
    cr0: 0x80000011n,
    cr2: 0n,
    cr3: 0x5000n,
    cr4: 0x20n,
    efer: 0x500n,
    pat: 0n,
    dr6: 0n,
    dr7: 0n,
    kernelGsBase: 0n,
  };
}

test("segments, tables and control registers go where KVM has them; the rest stays as a reset left it", () => {
  const sregs = new Uint8Array(kvmSregs.size);
  kvmSregs.writeTo(sregs, 0, { apic_base: 0xfee00900n, cr8: 5n });
  sregs.fill(0xaa, 280);
  writeSregs(sregs, context());

  const written = kvmSregs.decode(sregs);
  expect(written.cs).toMatchObject({ type: 11, s: 1, dpl: 0, present: 1, l: 1, db: 0, g: 1, unusable: 0 });
  expect(written.ds).toMatchObject({ limit: 0xffffffff, type: 3, s: 1, l: 0, db: 1, g: 1 });
  expect(written.fs.base).toBe(0x1234n);
  expect(written.gs).toMatchObject({ present: 0, unusable: 1 });
  expect(written.ss.dpl).toBe(3);
  expect(written.tr).toMatchObject({
    selector: 8,
    base: 0x1000n,
    limit: 0x67,
    type: 11,
    s: 0,
    present: 1,
    g: 0,
  });
  expect(written.ldt).toMatchObject({ type: 2, s: 0, present: 1, unusable: 0 });
  expect(written.gdt).toEqual({ base: 0x2000n, limit: 0x7f });
  expect([written.cr0, written.cr3, written.cr4, written.efer]).toEqual([
    0x80000011n,
    0x5000n,
    0x20n,
    0x500n,
  ]);
  expect([written.apic_base, written.cr8]).toEqual([0xfee00900n, 5n]);
  expect(sregs.subarray(280).every((byte) => byte === 0xaa)).toBe(true);
});
