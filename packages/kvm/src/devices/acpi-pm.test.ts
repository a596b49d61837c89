import { BARE_HARDWARE } from "@pvh/builder";
import { beforeEach, expect, test } from "vitest";
import { SCI_IRQ } from "../platform-bare/interrupts.ts";
import {
  ACPI_RESET_PORT,
  AcpiPm,
  PM1A_CONTROL_PORT,
  PM1A_EVENT_PORT,
  RESET_VALUE,
  SLEEP_TYPE_OFF,
} from "./acpi-pm.ts";
import { SERIAL_IRQ, SERIAL_PORT, SERIAL_PORTS } from "./serial-16550.ts";

let events: string[];
let pm: AcpiPm;

beforeEach(() => {
  events = [];
  pm = new AcpiPm(new SharedArrayBuffer(AcpiPm.size), {
    poweroff: () => events.push("poweroff"),
    reboot: () => events.push("reboot"),
    sci: (asserted) => events.push(asserted ? "sci on" : "sci off"),
  });
});

test("the hardware is where the ACPI tables of the builder say", () => {
  expect({
    pm1aEvent: { port: PM1A_EVENT_PORT, length: 4 },
    pm1aControl: { port: PM1A_CONTROL_PORT, length: 2 },
    sleepTypeS5: SLEEP_TYPE_OFF,
    reset: { port: ACPI_RESET_PORT, value: RESET_VALUE },
    sci: SCI_IRQ,
    serial: { port: SERIAL_PORT, length: SERIAL_PORTS, irq: SERIAL_IRQ },
  }).toEqual({
    pm1aEvent: BARE_HARDWARE.pm1aEvent,
    pm1aControl: BARE_HARDWARE.pm1aControl,
    sleepTypeS5: BARE_HARDWARE.sleepTypeS5,
    reset: BARE_HARDWARE.reset,
    sci: BARE_HARDWARE.sci,
    serial: BARE_HARDWARE.serial,
  });
});

test("powers off for the sleep type of S5 with the enable bit, and nothing else", () => {
  pm.write(PM1A_CONTROL_PORT, 2, 5 << 10);
  pm.write(PM1A_CONTROL_PORT, 2, (1 << 13) | (4 << 10));
  expect(events).toEqual([]);
  pm.write(PM1A_CONTROL_PORT, 2, (1 << 13) | (5 << 10));
  expect(events).toEqual(["poweroff"]);
});

test("resets for the value of the reset register", () => {
  pm.write(ACPI_RESET_PORT, 1, 2);
  expect(events).toEqual([]);
  pm.write(ACPI_RESET_PORT, 1, 6);
  expect(events).toEqual(["reboot"]);
});

test("is in ACPI mode", () => {
  expect(pm.read(PM1A_CONTROL_PORT, 2) & 1).toBe(1);
});

test("the power button interrupts a guest that listens, until the guest has cleared it", () => {
  expect(pm.pressPowerButton()).toBe(false);
  expect(events).toEqual([]);
  pm.write(PM1A_EVENT_PORT + 2, 2, 1 << 8);
  events = [];
  expect(pm.pressPowerButton()).toBe(true);
  expect(events).toEqual(["sci on"]);
  expect(pm.read(PM1A_EVENT_PORT, 2)).toBe(1 << 8);
  expect(pm.read(PM1A_EVENT_PORT, 4)).toBe((1 << 24) | (1 << 8));
  pm.write(PM1A_EVENT_PORT, 2, 1 << 8);
  expect(events.at(-1)).toBe("sci off");
  expect(pm.read(PM1A_EVENT_PORT, 2)).toBe(0);
});
