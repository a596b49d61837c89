import type { ErrorCode } from "@pvh/errors";
import { describe, expect, test } from "vitest";
import { errorOf } from "./config.testing.ts";
import { validateGuestConfig } from "./validate.ts";
import { parseVif, type VifConfig } from "./vif.ts";

const guest = (...vif: unknown[]) => validateGuestConfig({ name: "g", type: "pvh", kernel: "/k", vif });

describe("a text in xl's syntax, or an object", () => {
  test.each<[unknown, VifConfig]>([
    // The examples of xl-network-configuration(5).
    [
      "mac=00:16:3E:74:3d:76,model=rtl8139,bridge=xenbr0",
      { mac: "00:16:3e:74:3d:76", model: "rtl8139", bridge: "xenbr0" },
    ],
    ["mac=00:16:3E:74:34:32", { mac: "00:16:3e:74:34:32" }],
    ["", {}],
    ["rate=10Mb/s", { rate: "10Mb/s" }],
    ["rate=1MB/s@20ms", { rate: "1MB/s@20ms" }],
    [", bridge=br0,,  mtu=9000,", { bridge: "br0", mtu: 9000 }],
    ["type=vif,vifname=web0,devid=7", { vifname: "web0", devid: 7 }],
    ["script=vif-bridge", {}],
    ["script=/etc/xen/scripts/vif-bridge,untrusted", { trusted: false }],
    ["ip=10.0.0.1", { ip: "10.0.0.1" }],
    ["ip=10.0.0.1 fe80::1/64", { ip: "10.0.0.1 fe80::1/64" }],
    [{}, {}],
    [
      { mac: "0:16:3e:1:2:3", mtu: 1500, trusted: true },
      { mac: "00:16:3e:01:02:03", mtu: 1500, trusted: true },
    ],
    [{ type: "vif", model: "", script: "vif-bridge" }, { model: "" }],
  ])("%j", (input, expected) => {
    const vif = parseVif(input);
    expect(vif).toEqual(expected);
    expect(parseVif(vif)).toEqual(vif);
  });
});

test("numbers are given in the order of the list, around those that are taken", () => {
  expect(guest("", "", "").vif).toEqual([{ devid: 0 }, { devid: 1 }, { devid: 2 }]);
  expect(guest("", "devid=0", "devid=2", "").vif.map(({ devid }) => devid)).toEqual([1, 0, 2, 3]);
  const { vif } = guest("devid=5", "");
  expect(guest(...vif).vif).toEqual(vif);
});

describe("what is refused", () => {
  test.each<[ErrorCode, string, unknown, RegExp]>([
    ["CONFIG_INVALID", "vif.mac", "mac=00:16:3e:00:00", /mac is "00:16:3e:00:00"; it must be six bytes/],
    ["CONFIG_INVALID", "vif.mac", "mac=33:33:00:00:00:01", /a group address; choose one for an interface/],
    ["CONFIG_INVALID", "vif.mac", { mac: "0:0:0:0:0:0" }, /the address of nobody/],
    ["CONFIG_INVALID", "vif.mac", { mac: 5 }, /mac is 5; it must be six bytes/],
    [
      "CONFIG_INVALID",
      "vif.bridge",
      "bridge=",
      /bridge is ""; it must be the name of a bridge: 1 to 15 visible/,
    ],
    ["CONFIG_INVALID", "vif.bridge", "bridge=br0 ", /1 to 15 visible ASCII characters/],
    ["CONFIG_INVALID", "vif.bridge", "bridge=a/b", /without \/ : and %$/],
    ["CONFIG_INVALID", "vif.vifname", "vifname=0123456789abcdef", /1 to 15/],
    ["CONFIG_INVALID", "vif.vifname", "vifname=..", /1 to 15/],
    ["CONFIG_INVALID", "vif.vifname", "vifname=vif%d", /and %$/],
    ["CONFIG_INVALID", "vif.rate", "rate=10", /rate is "10"; it must be a rate such as 10Mb\/s/],
    ["CONFIG_INVALID", "vif.rate", "rate=1Mb/s@50", /units of the interval: s, ms, us/],
    ["CONFIG_INVALID", "vif.rate", { rate: 10 }, /rate is 10/],
    ["CONFIG_INVALID", "vif.mtu", "mtu=67", /mtu is 67; it must be a whole number from 68 to 65521$/],
    ["CONFIG_INVALID", "vif.mtu", "mtu=9k", /mtu is "9k"/],
    ["CONFIG_INVALID", "vif.mtu", { mtu: 1500.5 }, /mtu is 1500.5/],
    ["CONFIG_INVALID", "vif.devid", "devid=-1", /devid is "-1"; it must be a whole number from 0 to 255$/],
    ["CONFIG_INVALID", "vif.devid", "devid=256", /from 0 to 255/],
    ["CONFIG_INVALID", "vif.ip", "ip=10.0.0.256", /one or more IPv4 or IPv6 addresses/],
    ["CONFIG_INVALID", "vif.ip", "ip=10.0.0.1  10.0.0.2", /single blanks/],
    ["CONFIG_INVALID", "vif.ip", "ip=", /ip is ""/],
    ["CONFIG_KEY_UNSUPPORTED", "vif.type", "type=ioemu", /an emulated card, and PVH guests have none/],
    ["CONFIG_INVALID", "vif.type", "type=veth", /it must be "vif"$/],
    ["CONFIG_KEY_UNSUPPORTED", "vif.script", "script=vif-route", /no hotplug scripts are run/],
    ["CONFIG_KEY_UNSUPPORTED", "vif.backend", "backend=net", /there are no driver domains/],
    ["CONFIG_KEY_UNSUPPORTED", "vif.gatewaydev", "netdev=eth0", /never routed/],
    [
      "CONFIG_KEY_UNSUPPORTED",
      "vif.vlan",
      { vlan: "5" },
      /option vlan is not supported: the bridge's own tools/,
    ],
    ["CONFIG_INVALID", "vif.brigde", "brigde=br0", /unknown; did you mean bridge\?$/],
    ["CONFIG_INVALID", "vif.mac", "mac=2:0:0:0:0:1,mac=2:0:0:0:0:2", /mac is given twice; keep one of them$/],
    ["CONFIG_INVALID", "vif.trusted", "trusted,untrusted", /trusted is given twice/],
    [
      "CONFIG_INVALID",
      "vif",
      "xenbr0",
      /"xenbr0" is no option; options are NAME=VALUE, trusted or untrusted$/,
    ],
    ["CONFIG_INVALID", "vif", 0, /it is 0; it must be a text as in xl/],
  ])("%s %s: %j", (code, field, input, message) => {
    const error = errorOf(() => parseVif(input));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.details).toMatchObject({ field, found: expect.any(String), allowed: expect.any(String) });
  });

  test.each([
    [
      "mac",
      ["mac=2:0:0:0:0:1", "", { mac: "02-00-00-00-00-01" }],
      /vif\[2\]: mac is "02:.*01", the same as that of vif\[0\]$/,
    ],
    ["devid", ["", "devid=3", { devid: 3 }], /vif\[2\]: devid is 3, the same as that of vif\[1\]$/],
    [
      "vifname",
      ["vifname=a", "vifname=b", "vifname=a"],
      /vif\[2\]: vifname is "a", the same as that of vif\[0\]$/,
    ],
  ])("the same %s twice", (option, vifs, message) => {
    const error = errorOf(() => guest(...vifs));
    expect(error.message).toMatch(message);
    expect(error.details.field).toBe(`vif[2].${option}`);
  });
});
