import { parseDisk } from "@pvh/builder";
import { expect, test } from "vitest";
import { ControlRequest, DeviceStatus } from "./protocol.ts";

test.each([
  { method: "reboot" },
  { method: "sysrq", key: "h" },
  { method: "set-memory", memory: 64 },
  { method: "set-vcpus", vcpus: 2 },
  { method: "attach-disk", disk: parseDisk("/a,raw,xvda") },
  { method: "detach-disk", vdev: "xvda", force: false },
  { method: "attach-vif", vif: { mac: "00:16:3e:00:00:01" } },
  { method: "detach-vif", devid: 0, force: true },
])("$method keeps its parameters on the wire", (call) => {
  const request = { id: 3, ...call };
  expect(ControlRequest.parse(JSON.parse(JSON.stringify(request)))).toEqual(request);
});

test.each([
  { method: "explode" },
  { method: "pause", memory: 1 },
  { method: "set-memory" },
  { method: "set-memory", memory: 1.5 },
  { method: "sysrq", key: "hh" },
  { method: "sysrq", key: "\n" },
  { method: "detach-vif", devid: 0 },
])("%j is no request", (call) => {
  expect(ControlRequest.safeParse({ id: 1, ...call }).success).toBe(false);
});

test("a device without a number is none", () => {
  expect(DeviceStatus.safeParse({ kind: "vbd", id: -1, name: "xvda", state: "connected" }).success).toBe(
    false,
  );
});
