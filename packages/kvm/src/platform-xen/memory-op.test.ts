import {
  HYPERCALL,
  PAGE_SIZE,
  XENMAPSPACE,
  XENMEM,
  xenAddToPhysmap,
  xenAddToPhysmapBatch,
  xenMemoryReservation,
  xenRemoveFromPhysmap,
} from "@pvh/abi";
import { beforeEach, describe, expect, test } from "vitest";
import { FRAME } from "./physmap.ts";
import { DATA, type FakeXen, fakeXen, RAM_PAGES } from "./xen.testing.ts";

const SELF = 0x7ff0;
const LIST = DATA + 512;
const ENOMEM = -12;

let fake: FakeXen;
beforeEach(() => {
  fake = fakeXen({ pages: 14 });
});

const memory = (gpa: number, length: number) => fake.xen.memory.bytes(gpa, length);
const data = (length: number) => memory(DATA, length).fill(0);
const op = (cmd: number) => Number(fake.call(HYPERCALL.memory_op, cmd, DATA));
const type = (gfn: number) => fake.xen.physmap.type(gfn);

function list(values: number[], at = LIST): number {
  const view = new DataView(memory(at, values.length * 8).buffer);
  values.forEach((value, i) => {
    view.setBigUint64(at + i * 8, BigInt(value), true);
  });
  return at;
}

function adjust(
  cmd: number,
  frames: number[],
  more: Parameters<typeof xenMemoryReservation.encode>[0] = {},
): number {
  const values = { extent_start: list(frames), nr_extents: frames.length, domid: SELF, ...more };
  xenMemoryReservation.writeTo(data(32), 0, values);
  return op(cmd);
}

function add(space: number, idx: number, gpfn: number, domid = SELF): number {
  xenAddToPhysmap.writeTo(data(24), 0, { domid, space, idx, gpfn });
  return op(XENMEM.add_to_physmap);
}

describe("the balloon", () => {
  test("gives pages back and takes them, zeroed", () => {
    memory(12 * PAGE_SIZE, 4).fill(0x99);
    expect(adjust(XENMEM.decrease_reservation, [12, 13])).toBe(2);
    expect([type(12), type(13), fake.xen.state.totalPages]).toEqual([FRAME.none, FRAME.none, 12]);
    expect(adjust(XENMEM.populate_physmap, [12])).toBe(1);
    expect([type(12), memory(12 * PAGE_SIZE, 4)[0], fake.xen.state.totalPages]).toEqual([FRAME.ram, 0, 13]);
  });

  test("stops at the first that it cannot do", () => {
    expect(adjust(XENMEM.decrease_reservation, [12, 500, 13])).toBe(1);
    expect(adjust(XENMEM.decrease_reservation, [12])).toBe(0);
    fake.xen.state.maxPages = 14;
    expect(adjust(XENMEM.populate_physmap, [12, 14, 15])).toBe(1);
    expect(adjust(XENMEM.populate_physmap, [15], { domid: 0 })).toBe(0);
    expect(adjust(XENMEM.populate_physmap, [0], { extent_order: 10 })).toBe(0);
    expect(adjust(XENMEM.decrease_reservation, [13], { extent_start: 0x10000 })).toBe(0);
    expect(adjust(XENMEM.decrease_reservation, [13], { nr_extents: 2 ** 40 })).toBe(0);
  });

  test("counts", () => {
    data(2).set([0xf0, 0x7f]);
    expect(op(XENMEM.current_reservation)).toBe(14);
    expect(op(XENMEM.maximum_reservation)).toBe(RAM_PAGES);
    expect(op(XENMEM.maximum_gpfn)).toBe(RAM_PAGES - 1);
    data(2).set([9, 0]);
    expect(op(XENMEM.current_reservation)).toBe(-3);
  });
});

describe("pages of the hypervisor's", () => {
  test("shared_info goes where it is asked to, contents and all", () => {
    const shared = fake.xen.infos.shared;
    shared.bytes[shared.at + 100] = 0x42;
    expect(add(XENMAPSPACE.shared_info, 0, 10)).toBe(0);
    expect([memory(10 * PAGE_SIZE, 101)[100], type(10), fake.xen.state.totalPages]).toEqual([
      0x42,
      FRAME.sharedInfo,
      13,
    ]);
    memory(10 * PAGE_SIZE, 101)[100] = 0x43;
    expect(shared.bytes[shared.at + 100]).toBe(0x43);
    expect(add(XENMAPSPACE.shared_info, 0, 11)).toBe(0);
    expect([type(10), type(11), memory(11 * PAGE_SIZE, 101)[100]]).toEqual([
      FRAME.none,
      FRAME.sharedInfo,
      0x43,
    ]);
    expect(add(XENMAPSPACE.shared_info, 1, 11)).toBe(-22);
  });

  test("grant frames come, move and go", () => {
    expect(add(XENMAPSPACE.grant_table, 3, 10)).toBe(0);
    expect([fake.xen.grants.frameGfn(3), fake.xen.state.grantFrames]).toEqual([10, 4]);
    expect(add(XENMAPSPACE.grant_table, 4, 11)).toBe(-22);
    expect(add(XENMAPSPACE.grant_table, 3, 11)).toBe(0);
    expect([type(10), type(11)]).toEqual([FRAME.none, FRAME.grantTable]);
    xenRemoveFromPhysmap.writeTo(data(16), 0, { domid: SELF, gpfn: 11 });
    expect(op(XENMEM.remove_from_physmap)).toBe(0);
    expect([type(11), fake.xen.grants.frameGfn(3)]).toEqual([FRAME.none, -1]);
    expect(op(XENMEM.remove_from_physmap)).toBe(-2);
  });

  test("a page that goes leaves ordinary memory behind", () => {
    add(XENMAPSPACE.grant_table, 0, 10);
    memory(10 * PAGE_SIZE, 4).fill(0xee);
    expect(adjust(XENMEM.decrease_reservation, [10])).toBe(1);
    expect(adjust(XENMEM.populate_physmap, [10])).toBe(1);
    expect(memory(10 * PAGE_SIZE, 4)[0]).toBe(0);
    memory(10 * PAGE_SIZE, 4).fill(0x11);
    add(XENMAPSPACE.grant_table, 0, 11);
    expect(memory(11 * PAGE_SIZE, 4)[0]).toBe(0xee);
  });

  test("a page of the guest's own moves", () => {
    memory(10 * PAGE_SIZE, 4).fill(0x31);
    expect(add(XENMAPSPACE.gmfn, 10, 14)).toBe(0);
    expect([type(10), type(14), memory(14 * PAGE_SIZE, 4)[3], fake.xen.state.totalPages]).toEqual([
      FRAME.none,
      FRAME.ram,
      0x31,
      14,
    ]);
    expect(add(XENMAPSPACE.gmfn, 10, 14)).toBe(-22);
  });

  test("only its own, only what there is, only where it can be", () => {
    expect(add(XENMAPSPACE.shared_info, 0, 10, 0)).toBe(-1);
    expect(add(XENMAPSPACE.shared_info, 0, 10, 3)).toBe(-3);
    expect(add(XENMAPSPACE.gmfn_foreign, 0, 10)).toBe(-38);
    expect(add(9, 0, 10)).toBe(-22);
    // There is no KVM here that would take a page outside RAM.
    for (const gfn of [0xfee00, 2 ** 34, 2 ** 52 - 1, 5000])
      expect(add(XENMAPSPACE.shared_info, 0, gfn)).toBe(ENOMEM);
  });

  test("a batch has an error for each page", () => {
    const batch = { domid: SELF, space: XENMAPSPACE.grant_table, size: 3 };
    const at = { idxs: list([0, 9, 1]), gpfns: list([10, 11, 12], LIST + 64), errs: LIST + 128 };
    xenAddToPhysmapBatch.writeTo(data(32), 0, { ...batch, ...at });
    expect(op(XENMEM.add_to_physmap_batch)).toBe(0);
    const view = new DataView(memory(LIST, 200).buffer);
    expect([0, 4, 8].map((i) => view.getInt32(LIST + 128 + i, true))).toEqual([0, -22, 0]);
  });
});
