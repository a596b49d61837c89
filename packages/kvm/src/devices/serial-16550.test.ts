import { beforeEach, describe, expect, test } from "vitest";
import { SERIAL_PORT, Serial16550 } from "./serial-16550.ts";

const [DATA, IER, IIR, LCR, MCR, LSR, MSR, SCRATCH] = [0, 1, 2, 3, 4, 5, 6, 7].map(
  (n) => SERIAL_PORT + n,
) as [number, number, number, number, number, number, number, number];

let line: boolean;
let output: string;
let asked: number;
let uart: Serial16550;

beforeEach(() => {
  line = false;
  output = "";
  asked = 0;
  uart = new Serial16550(new SharedArrayBuffer(Serial16550.size), {
    irq: (asserted) => {
      line = asserted;
    },
    output: (byte) => {
      output += String.fromCharCode(byte);
    },
    inputTaken: () => {
      asked++;
    },
  });
});

const read = (port: number) => uart.read(port, 1);
const write = (port: number, value: number) => uart.write(port, 1, value);
const bytes = (text: string) => new TextEncoder().encode(text);

describe("the UART", () => {
  test("gives back what nobody has read, and takes the interrupt with it", () => {
    write(MCR, 0x08);
    write(IER, 0x01);
    uart.feed(bytes("abc"));
    expect([read(DATA), line]).toEqual([0x61, true]);
    expect(new TextDecoder().decode(uart.takeUnread())).toBe("bc");
    expect([line, read(LSR) & 1, uart.takeUnread().length]).toEqual([false, 0, 0]);
    uart.feed(bytes("d"));
    expect(read(DATA)).toBe(0x64);
  });

  test("puts out what is written to the data register, but not the divisor", () => {
    write(DATA, 0x41);
    write(LCR, 0x83);
    write(DATA, 0x42);
    write(IER, 0x01);
    expect([read(DATA), read(IER)]).toEqual([0x42, 0x01]);
    write(LCR, 0x03);
    write(DATA, 0x43);
    expect(output).toBe("AC");
    expect(read(IER)).toBe(0);
  });

  test("is recognised as a 16550A", () => {
    write(IIR, 0x01);
    expect(read(IIR) & 0xc0).toBe(0xc0);
    write(IIR, 0x00);
    expect(read(IIR) & 0xc0).toBe(0);
    write(SCRATCH, 0x5a);
    expect(read(SCRATCH)).toBe(0x5a);
  });

  test("drives eight lines of a wider bus", () => {
    expect(uart.read(LSR, 2)).toBe(0xff60);
    expect(uart.read(LSR, 4)).toBe(0xffffff60);
  });

  test("reports input, and its end", () => {
    expect(read(LSR)).toBe(0x60);
    uart.feed(bytes("hi"));
    expect(read(LSR)).toBe(0x61);
    expect([read(DATA), read(DATA)]).toEqual([0x68, 0x69]);
    expect(read(LSR)).toBe(0x60);
    expect(read(DATA)).toBe(0);
  });

  test("interrupts for input only when enabled and connected", () => {
    uart.feed(bytes("x"));
    expect(line).toBe(false);
    write(IER, 0x01);
    expect(line).toBe(false);
    write(MCR, 0x08);
    expect(line).toBe(true);
    expect(read(IIR)).toBe(0x04);
    read(DATA);
    expect(line).toBe(false);
    expect(read(IIR)).toBe(0x01);
  });

  test("interrupts when the transmitter is empty, until that was read", () => {
    write(MCR, 0x08);
    write(IER, 0x02);
    expect(line).toBe(true);
    expect(read(IIR)).toBe(0x02);
    expect(line).toBe(false);
    write(DATA, 0x41);
    expect(line).toBe(true);
    write(IER, 0x00);
    expect(line).toBe(false);
  });

  test("names input before an empty transmitter", () => {
    write(IER, 0x03);
    uart.feed(bytes("x"));
    expect(read(IIR)).toBe(0x04);
    read(DATA);
    expect(read(IIR)).toBe(0x02);
  });

  test("is not left locked by an interrupt line that fails", () => {
    const shared = new SharedArrayBuffer(Serial16550.size);
    const failing = new Serial16550(shared, {
      irq: () => {
        throw new Error("refused");
      },
      output: () => {},
      inputTaken: () => {},
    });
    failing.write(MCR, 1, 0x08);
    expect(() => failing.write(IER, 1, 0x02)).toThrow("refused");
    // The lock's word. Using the UART once more would wait for ever if it were held.
    expect(new Int32Array(shared)[0]).toBe(0);
  });

  test("loops back: data to input, modem control to modem status", () => {
    write(MCR, 0x1a);
    expect(read(MSR) & 0xf0).toBe(0x90);
    write(DATA, 0x55);
    expect(read(DATA)).toBe(0x55);
    expect(output).toBe("");
    write(MCR, 0x08);
    expect(read(MSR)).toBe(0xb0);
  });

  test("clearing the receiver drops what its FIFO could have held", () => {
    uart.feed(bytes("0123456789abcdefgh"));
    write(IIR, 0x03);
    expect(String.fromCharCode(read(DATA))).toBe("g");
  });

  test("takes input up to its capacity, and asks for more when half of it is used", () => {
    const much = new Uint8Array(5000).fill(0x78);
    expect(uart.feed(much)).toBe(4096);
    for (let i = 0; i < 2047; i++) read(DATA);
    expect(asked).toBe(0);
    read(DATA);
    expect(asked).toBe(1);
    for (let i = 0; i < 2048; i++) read(DATA);
    expect(asked).toBe(1);
    expect(uart.feed(much)).toBe(4096);
  });
});
