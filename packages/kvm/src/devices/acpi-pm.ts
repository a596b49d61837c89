import { PM1_CONTROL, PM1_PWRBTN } from "@pvh/abi";
import type { PortDevice } from "./port-bus.ts";

/**
 * Ports of ACPI's fixed hardware, as the FADT that the builder makes names them. A test holds them equal: importing
 * the builder would load all of it into the thread of each vCPU.
 */
export const PM1A_EVENT_PORT = 0x600;
export const PM1A_CONTROL_PORT = 0x604;
export const ACPI_RESET_PORT = 0xcf9;

/** SLP_TYP of \_S5 in the DSDT. */
export const SLEEP_TYPE_OFF = 5;
export const RESET_VALUE = 0x06;

const WORD = { status: 0, enable: 1, control: 2 } as const;

export interface AcpiPmHooks {
  poweroff(): void;
  reboot(): void;
  /** Level of the system control interrupt. */
  sci(asserted: boolean): void;
}

/**
 * ACPI's PM1a event and control blocks (ACPI 6.3, 4.8.3) and the reset register: power off, reset, power button.
 * The registers are shared memory: any vCPU uses them, and the main thread presses the button.
 */
export class AcpiPm implements PortDevice {
  static readonly size = 16;
  readonly #words: Int32Array;
  readonly #hooks: AcpiPmHooks;

  constructor(buffer: SharedArrayBuffer, hooks: AcpiPmHooks) {
    this.#words = new Int32Array(buffer, 0, AcpiPm.size / 4);
    this.#hooks = hooks;
  }

  /** False when the guest's operating system has not asked to hear of the button. */
  pressPowerButton(): boolean {
    if ((Atomics.load(this.#words, WORD.enable) & PM1_PWRBTN) === 0) return false;
    Atomics.or(this.#words, WORD.status, PM1_PWRBTN);
    this.#updateSci();
    return true;
  }

  read(port: number, size: number): number {
    switch (port) {
      case PM1A_EVENT_PORT:
        return this.#load(WORD.status) | (size === 4 ? this.#load(WORD.enable) << 16 : 0);
      case PM1A_EVENT_PORT + 2:
        return this.#load(WORD.enable);
      case PM1A_CONTROL_PORT:
        // A machine without SMM is in ACPI mode from the start.
        return this.#load(WORD.control) | PM1_CONTROL.SCI_EN;
      default:
        return 0;
    }
  }

  write(port: number, size: number, value: number): void {
    switch (port) {
      case PM1A_EVENT_PORT:
        // Status bits are cleared by writing 1.
        Atomics.and(this.#words, WORD.status, ~(value & 0xffff));
        if (size === 4) Atomics.store(this.#words, WORD.enable, value >>> 16);
        this.#updateSci();
        break;
      case PM1A_EVENT_PORT + 2:
        Atomics.store(this.#words, WORD.enable, value & 0xffff);
        this.#updateSci();
        break;
      case PM1A_CONTROL_PORT:
        Atomics.store(this.#words, WORD.control, value & 0xffff & ~PM1_CONTROL.SLP_EN);
        if ((value & PM1_CONTROL.SLP_EN) === 0) break;
        if (((value >>> PM1_CONTROL.SLP_TYP_SHIFT) & 7) === SLEEP_TYPE_OFF) this.#hooks.poweroff();
        break;
      case ACPI_RESET_PORT:
        if ((value & 0xff) === RESET_VALUE) this.#hooks.reboot();
    }
  }

  #load(word: number): number {
    return Atomics.load(this.#words, word) & 0xffff;
  }

  #updateSci(): void {
    this.#hooks.sci((this.#load(WORD.status) & this.#load(WORD.enable)) !== 0);
  }
}
