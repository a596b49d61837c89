import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalMac, defaultMac, uselessMac } from "./mac.ts";

test.each([
  ["00:16:3E:74:3d:76", "00:16:3e:74:3d:76"],
  ["0:16:3e:1:2:3", "00:16:3e:01:02:03"],
  ["00-16-3e-01-02-03", "00:16:3e:01:02:03"],
  ["01:00:5e:00:00:01", "01:00:5e:00:00:01"],
])("%s", (text, mac) => {
  expect(canonicalMac(text)).toBe(mac);
});

test.each([
  "",
  "00:16:3e:01:02",
  "00:16:3e:01:02:03:04",
  "00163e010203",
  "00:16:3e:01:02:0g",
  "000:16:3e:01:02:03",
  " 00:16:3e:01:02:03",
  "00:16:3e:01:02:03,",
])("%j is none", (text) => {
  expect(canonicalMac(text)).toBeUndefined();
});

test("groups and nobody are told from interfaces", () => {
  expect(uselessMac("01:00:5e:00:00:01")).toBe("a group address");
  expect(uselessMac("ff:ff:ff:ff:ff:ff")).toBe("a group address");
  expect(uselessMac("00:00:00:00:00:00")).toBe("the address of nobody");
  expect(uselessMac("02:00:00:00:00:00")).toBeUndefined();
});

test("the default is Xen's range and three bytes of a hash, and nothing else", () => {
  fc.assert(
    fc.property(fc.uuid(), fc.nat(255), (uuid, devid) => {
      const [a = 0, b = 0, c = 0] = createHash("sha256").update(`${uuid} vif ${devid}`).digest();
      const bytes = [0x00, 0x16, 0x3e, a & 0x7f, b, c];
      expect(defaultMac(uuid, devid)).toBe(bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(":"));
      expect(defaultMac(uuid.toUpperCase(), devid)).toBe(defaultMac(uuid, devid));
      expect(canonicalMac(defaultMac(uuid, devid))).toBe(defaultMac(uuid, devid));
    }),
  );
});

test("interfaces of one domain and of different domains have different ones", () => {
  const uuids = ["6f3c1b5e-0000-4000-8000-0123456789ab", "6f3c1b5e-0000-4000-8000-0123456789ac"];
  const macs = uuids.flatMap((uuid) => Array.from({ length: 64 }, (_, devid) => defaultMac(uuid, devid)));
  expect(new Set(macs).size).toBe(128);
  expect(macs[0]).toBe("00:16:3e:73:31:e4");
});
