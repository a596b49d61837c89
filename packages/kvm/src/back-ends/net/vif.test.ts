import { expect, test } from "vitest";
import { hostInterfaceName, vifNodes } from "./vif.ts";

const mac = "00:16:3e:01:02:03";

test("nodes are libxl's", () => {
  expect(vifNodes({ devid: 1, mac }, "xenbr0")).toEqual({
    kind: "vif",
    id: 1,
    front: { handle: "1", mac, trusted: "1" },
    frontReadOnly: { mtu: "1500" },
    back: { mac, bridge: "xenbr0", handle: "1", type: "vif", "hotplug-status": "connected" },
  });
});

test("what the config says stands in the nodes", () => {
  const rate = { bytes: 625000, microseconds: 50000 };
  const vif = { devid: 0, mac, vifname: "lan0", mtu: 9000, rate, ip: "10.0.0.1 fe80::1", trusted: false };
  const back = { vifname: "lan0", mtu: "9000", rate: "625000,50000", ip: "10.0.0.1 fe80::1" };
  expect(vifNodes(vif, undefined).back).toMatchObject(back);
  expect(vifNodes(vif, undefined).front).toMatchObject({ trusted: "0" });
  expect(vifNodes(vif, undefined).frontReadOnly).toEqual({ mtu: "9000" });
  expect(vifNodes(vif, undefined).back).not.toHaveProperty("bridge");
  expect(hostInterfaceName(3, vif)).toBe("lan0");
  expect(hostInterfaceName(3, { devid: 2, mac })).toBe("vif3.2");
});
