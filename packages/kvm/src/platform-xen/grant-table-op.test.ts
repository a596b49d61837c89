import {
  GNTCOPY,
  GNTMAP,
  GNTST,
  GNTTABOP,
  GTF,
  gnttabCopy,
  gnttabMapGrantRef,
  gnttabQuerySize,
  gnttabSetupTable,
  gnttabUnmapGrantRef,
  HYPERCALL,
  PAGE_SIZE,
} from "@pvh/abi";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { HOST_DOMAIN } from "./event-channels.ts";
import { FRAME } from "./physmap.ts";
import { DATA, type FakeXen, fakeXen } from "./xen.testing.ts";

const OWN = 5;
const SELF = 0x7ff0;
const PAGE = 12;

let fake: FakeXen;
beforeEach(() => {
  fake = fakeXen();
});

const memory = (gpa: number, length: number) => fake.xen.memory.bytes(gpa, length);
const data = (length: number) => memory(DATA, length);
const op = (cmd: number, count = 1) => Number(fake.call(HYPERCALL.grant_table_op, cmd, DATA, count));
const grants = () => fake.xen.grants;

/** The guest maps the table's first frame and reads its entries there. */
function entryFlags(ref: number): number {
  if (fake.xen.physmap.type(PAGE) !== FRAME.grantTable) mapTable();
  return new DataView(memory(PAGE * PAGE_SIZE, PAGE_SIZE).buffer).getUint16(PAGE * PAGE_SIZE + ref * 8, true);
}

function mapTable(): void {
  const view = new DataView(data(24).buffer);
  view.setUint16(DATA, SELF, true);
  view.setUint32(DATA + 4, 1, true);
  view.setBigUint64(DATA + 8, 0n, true);
  view.setBigUint64(DATA + 16, BigInt(PAGE), true);
  expect(fake.call(HYPERCALL.memory_op, 7, DATA)).toBe(0n);
}

describe("use by domain 0", () => {
  test("marks the entry as long as anybody uses it", () => {
    grants().seed(8, HOST_DOMAIN, 7);
    expect(grants().begin(8, HOST_DOMAIN, false)).toBe(GNTST.okay);
    expect(grants().begin(8, HOST_DOMAIN, true)).toBe(GNTST.okay);
    expect(entryFlags(8)).toBe(GTF.permit_access | GTF.reading | GTF.writing);
    grants().end(8, true);
    expect(entryFlags(8)).toBe(GTF.permit_access | GTF.reading);
    grants().end(8, false);
    expect([entryFlags(8), grants().frame(8)]).toEqual([GTF.permit_access, 7]);
  });

  test("needs a grant of the right kind to the right domain", () => {
    expect(grants().begin(9, HOST_DOMAIN, false)).toBe(GNTST.general_error);
    grants().seed(9, 3, 7);
    expect(grants().begin(9, HOST_DOMAIN, false)).toBe(GNTST.general_error);
    for (const ref of [512, -1, 2 ** 31])
      expect(grants().begin(ref, HOST_DOMAIN, false)).toBe(GNTST.bad_gntref);
    grants().seed(9, HOST_DOMAIN, 7);
    mapTable();
    memory(PAGE * PAGE_SIZE, PAGE_SIZE)[9 * 8] = GTF.permit_access | GTF.readonly;
    expect(grants().begin(9, HOST_DOMAIN, true)).toBe(GNTST.general_error);
    expect(grants().begin(9, HOST_DOMAIN, false)).toBe(GNTST.okay);
  });
});

describe("copy", () => {
  const copy = (values: Parameters<typeof gnttabCopy.encode>[0]) => {
    gnttabCopy.writeTo(data(40).fill(0), 0, values);
    const result = op(GNTTABOP.copy);
    return result === 0 ? gnttabCopy.decode(data(40)).status : result;
  };
  const own = { source_domid: SELF, dest_domid: SELF } as const;

  test("between frames and grants of its own", () => {
    memory(9 * PAGE_SIZE, 16).fill(0x5a);
    expect(copy({ ...own, source: 9, dest: 10, dest_offset: 100, len: 16 })).toBe(GNTST.okay);
    expect([...memory(10 * PAGE_SIZE + 99, 18)]).toEqual([0, ...Array(16).fill(0x5a), 0]);
    grants().seed(4, OWN, 11);
    const byRef = { source: 9, source_domid: SELF, dest: 4, dest_domid: OWN, len: 16 } as const;
    expect(copy({ ...byRef, flags: GNTCOPY.dest_gref })).toBe(GNTST.okay);
    expect(memory(11 * PAGE_SIZE, 16)[15]).toBe(0x5a);
    expect(entryFlags(4)).toBe(GTF.permit_access);
  });

  test("says what is wrong", () => {
    expect(copy({ ...own, source: 9, dest: 10, source_offset: 4000, len: 97 })).toBe(GNTST.bad_copy_arg);
    expect(copy({ ...own, source: 9, dest: 5000, len: 1 })).toBe(GNTST.bad_page);
    expect(copy({ source_domid: OWN, dest_domid: SELF, source: 9, dest: 10, len: 1 })).toBe(
      GNTST.permission_denied,
    );
    expect(copy({ source_domid: 99, dest_domid: SELF, source: 9, dest: 10, len: 1 })).toBe(GNTST.bad_domain);
    expect(copy({ ...own, source: 77, dest: 10, len: 1, flags: GNTCOPY.source_gref })).toBe(
      GNTST.general_error,
    );
    const host = {
      source_domid: HOST_DOMAIN,
      dest_domid: SELF,
      source: 0,
      dest: 10,
      len: 1,
      flags: GNTCOPY.source_gref,
    };
    expect(copy(host)).toBe(GNTST.bad_gntref);
  });

  test("does as many as asked for, also more than at once", () => {
    const all = memory(DATA, 6 * PAGE_SIZE).fill(0);
    for (let i = 0; i < 200; i++)
      gnttabCopy.writeTo(all, i * 40, { ...own, source: 4, dest: 5, len: 1, status: 1 });
    expect(op(GNTTABOP.copy, 200)).toBe(0);
    for (let i = 0; i < 200; i++) expect(gnttabCopy.decode(all, i * 40).status).toBe(0);
    expect(op(GNTTABOP.copy, -1)).toBe(-22);
    expect(op(GNTTABOP.copy, 0x7fffffff)).toBe(-14);
  });
});

describe("map", () => {
  const map = (values: Parameters<typeof gnttabMapGrantRef.encode>[0]) => {
    gnttabMapGrantRef.writeTo(data(32).fill(0), 0, { flags: GNTMAP.host_map, dom: OWN, ...values });
    expect(op(GNTTABOP.map_grant_ref)).toBe(0);
    return gnttabMapGrantRef.decode(data(32));
  };
  const unmap = (values: Parameters<typeof gnttabUnmapGrantRef.encode>[0]) => {
    gnttabUnmapGrantRef.writeTo(data(24).fill(0), 0, values);
    expect(op(GNTTABOP.unmap_grant_ref)).toBe(0);
    return gnttabUnmapGrantRef.decode(data(24)).status;
  };

  test("shows the same page at another frame, until it is unmapped", () => {
    grants().seed(4, OWN, 11);
    const { status, handle } = map({ ref: 4, host_addr: 13 * PAGE_SIZE });
    expect(status).toBe(GNTST.okay);
    memory(11 * PAGE_SIZE, 8).fill(0x77);
    expect(memory(13 * PAGE_SIZE, 8)[7]).toBe(0x77);
    expect(entryFlags(4)).toBe(GTF.permit_access | GTF.reading | GTF.writing);
    expect(unmap({ handle, host_addr: 14 * PAGE_SIZE })).toBe(GNTST.general_error);
    expect(unmap({ handle, host_addr: 13 * PAGE_SIZE })).toBe(GNTST.okay);
    expect(unmap({ handle, host_addr: 13 * PAGE_SIZE })).toBe(GNTST.bad_handle);
    expect([entryFlags(4), fake.xen.physmap.type(13)]).toEqual([GTF.permit_access, FRAME.none]);
  });

  test("as many as the domain's maptrack has room for", () => {
    fake = fakeXen({ maxMappings: 2 });
    grants().seed(4, OWN, 11);
    const frames = [13, 14, 15].map((gfn) => map({ ref: 4, host_addr: gfn * PAGE_SIZE }).status);
    expect(frames).toEqual([GNTST.okay, GNTST.okay, GNTST.no_device_space]);
    expect(entryFlags(4)).toBe(GTF.permit_access | GTF.reading | GTF.writing);
  });

  test("only grants of its own, and only into guest-physical memory", () => {
    grants().seed(4, OWN, 11);
    const at = { ref: 4, host_addr: 13 * PAGE_SIZE };
    expect(map({ ...at, dom: HOST_DOMAIN }).status).toBe(GNTST.bad_gntref);
    expect(map({ ...at, dom: 9 }).status).toBe(GNTST.bad_domain);
    expect(map({ ...at, flags: GNTMAP.host_map | GNTMAP.contains_pte }).status).toBe(GNTST.general_error);
    expect(map({ ...at, host_addr: 11 * PAGE_SIZE }).status).toBe(GNTST.bad_page);
    grants().seed(5, OWN, 4000);
    expect(map({ ...at, ref: 5 }).status).toBe(GNTST.bad_page);
    expect([entryFlags(4), entryFlags(5)]).toEqual([GTF.permit_access, GTF.permit_access]);
  });
});

describe("the table", () => {
  test("tells its size and grows up to its limit", () => {
    gnttabQuerySize.writeTo(data(16), 0, { dom: SELF });
    expect(op(GNTTABOP.query_size)).toBe(0);
    expect(gnttabQuerySize.decode(data(16))).toMatchObject({ nr_frames: 1, max_nr_frames: 4, status: 0 });
    gnttabSetupTable.writeTo(data(24).fill(0), 0, { dom: SELF, nr_frames: 5, frame_list: DATA + 64 });
    expect([op(GNTTABOP.setup_table), gnttabSetupTable.decode(data(24)).status]).toEqual([
      0,
      GNTST.general_error,
    ]);
    gnttabSetupTable.writeTo(data(24), 0, { nr_frames: 3 });
    expect([op(GNTTABOP.setup_table), fake.xen.state.grantFrames]).toEqual([0, 3]);
  });

  test("has version 1 and no other", () => {
    const version = (value: number) => {
      new DataView(data(4).buffer).setUint32(DATA, value, true);
      return op(GNTTABOP.set_version);
    };
    expect([version(1), version(2), version(3)]).toEqual([0, -38, -22]);
    expect([op(GNTTABOP.transfer), op(GNTTABOP.dump_table), op(GNTTABOP.get_status_frames)]).toEqual([
      -38, -38, -38,
    ]);
  });
});

test("whatever is asked, nothing breaks and no use is left over", () => {
  for (let ref = 0; ref < 16; ref++) grants().seed(ref, ref % 2 === 0 ? OWN : HOST_DOMAIN, ref);
  const word = fc.oneof(fc.constantFrom(0, 1, OWN, SELF, 4, 9, 4095), fc.nat(0xffffffff));
  fc.assert(
    fc.property(
      fc.nat(12),
      fc.array(word, { minLength: 10, maxLength: 10 }),
      fc.nat(3),
      (cmd, words, count) => {
        // Maps would put pages in the place of this test's own.
        if (cmd === GNTTABOP.map_grant_ref) return;
        const view = new DataView(data(40).buffer);
        words.forEach((value, i) => {
          view.setUint32(DATA + 4 * i, value, true);
        });
        expect(op(cmd, count)).toBeLessThanOrEqual(0);
      },
    ),
  );
  mapTable();
  for (let ref = 0; ref < 16; ref++) expect(entryFlags(ref) & (GTF.reading | GTF.writing)).toBe(0);
});
