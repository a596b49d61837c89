import { expect, test } from "vitest";
import { debugPort } from "./debug-port.ts";
import { i8042 } from "./i8042.ts";
import { PortBus } from "./port-bus.ts";

test("absent ports read all ones and swallow writes", () => {
  const bus = new PortBus();
  expect([1, 2, 4].map((size) => bus.at(0xffff).read(0xffff, size))).toEqual([0xff, 0xffff, 0xffffffff]);
  bus.at(0).write(0, 4, 0);
});

test("a device answers its own ports only, and keeps them", () => {
  const bus = new PortBus();
  const device = { read: (port: number) => port & 0xff, write: () => {} };
  bus.attach(0x10, 2, device);
  expect([0x0f, 0x10, 0x11, 0x12].map((port) => bus.at(port).read(port, 1))).toEqual([
    0xff, 0x10, 0x11, 0xff,
  ]);
  expect(() => bus.attach(0x11, 1, device)).toThrow("port 0x11 has a device already");
});

test("the debug port puts out every byte of an access and identifies itself", () => {
  const output: number[] = [];
  const device = debugPort((byte) => output.push(byte));
  device.write(0xe9, 4, 0x64636261);
  device.write(0xe9, 1, 0x0a);
  expect(output).toEqual([0x61, 0x62, 0x63, 0x64, 0x0a]);
  expect(device.read(0xe9, 1)).toBe(0xe9);
});

test("the keyboard controller resets, and is no keyboard", () => {
  let reboots = 0;
  const device = i8042(() => reboots++);
  device.write(0x64, 1, 0xd1);
  expect(reboots).toBe(0);
  device.write(0x64, 1, 0xfe);
  expect(reboots).toBe(1);
  expect(device.read(0x64, 1) & 0x03).toBe(0x01);
});
