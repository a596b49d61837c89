import fc from "fast-check";
import { expect, test } from "vitest";
import { vdevNumber } from "./vdev.ts";

// xen-vbd-interface(7), and what libxl 4.17 makes of the names (libxl__device_disk_dev_number).
test.each([
  ["xvda", 51712],
  ["xvda1", 51713],
  ["xvda15", 51727],
  ["xvda16", 0x10000010],
  ["xvdb", 51728],
  ["xvdp", 51952],
  ["xvdp15", 51967],
  ["xvdq", 0x10001000],
  ["xvdz", 0x10001900],
  ["xvdaa", 0x10001a00],
  ["xvdtq37", 0x10021825],
  ["xvdbgqcv255", 0x1fffffff],
  ["d0", 51712],
  ["d0p0", 51712],
  ["d1p2", 51730],
  ["d536p37", 0x10021825],
  ["d1048575p255", 0x1fffffff],
  ["sda", 2048],
  ["sdb3", 2067],
  ["sdp15", 2303],
  ["hda", 768],
  ["hda63", 831],
  ["hdb", 832],
  ["hdc", 5632],
  ["hdc2", 5634],
  ["hdd", 5696],
  ["51712", 51712],
  ["0xca00", 51712],
  ["0145000", 51712],
  ["0", 0],
  ["536870911", 0x1fffffff],
])("%s is %i", (name, number) => {
  expect(vdevNumber(name)).toBe(number);
});

test.each([
  "",
  "xvd",
  "xvda0",
  "xvda01",
  "xvda256",
  "xvdA",
  "xvdbgqcw",
  "xvdzzzzz",
  "xvda ",
  " xvda",
  "/dev/xvda",
  "sdq",
  "sda16",
  "hde",
  "hda64",
  "vda",
  "d",
  "dp1",
  "d00",
  "d1p",
  "d1p01",
  "d1048576",
  "d0p256",
  "d-1p0",
  "536870912",
  "089",
  "0x",
  "1e3",
  "-1",
  "x".repeat(100_000),
])("%j is none", (name) => {
  expect(vdevNumber(name)).toBeUndefined();
});

test("disks and partitions never share a number, and all fit into the format of their kind", () => {
  const disk = fc.nat(2 ** 20 - 1);
  const partition = fc.nat(255);
  fc.assert(
    fc.property(disk, partition, (disk, partition) => {
      const number = vdevNumber(`d${disk}p${partition}`) ?? expect.fail();
      const small = disk < 16 && partition < 16;
      expect(number >= 2 ** 28).toBe(!small);
      expect(small ? (number >> 4) & 0xf : (number >> 8) & 0xfffff).toBe(disk);
      expect(small ? number & 0xf : number & 0xff).toBe(partition);
      expect(number >> 8 === 202).toBe(small);
    }),
  );
});
