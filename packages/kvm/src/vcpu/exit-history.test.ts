import { kvmExit } from "@pvh/abi";
import { expect, test } from "vitest";
import { ExitHistory } from "./exit-history.ts";

const OUT = 1 << 8;

test("describes exits, the latest last", () => {
  const history = new ExitHistory();
  history.record(kvmExit.KVM_EXIT_IO, 0x3f8, OUT | 1, 0x41, 0x1000, 0);
  history.record(kvmExit.KVM_EXIT_IO, 0x64, 2, 0xffff, 0x1002, -1);
  history.record(kvmExit.KVM_EXIT_MMIO, -0x1000, 1, OUT | 4, 0, 0);
  history.record(kvmExit.KVM_EXIT_X86_WRMSR, 0x40000000, 1, 0x3000, 0, 0);
  history.record(kvmExit.KVM_EXIT_SHUTDOWN, 0, 0, 0, 0, 0);
  history.record(77, 0, 0, 0, 0, 0);
  expect(history.lines()).toEqual([
    "out 0x3f8 1 byte = 0x41 at 0x1000",
    "in 0x64 2 bytes -> 0xffff at 0xffffffff00001002",
    "write to 0x1fffff000, 4 bytes at 0x0",
    "wrmsr 0x40000000 = 0x100003000 at 0x0",
    "KVM_EXIT_SHUTDOWN at 0x0",
    "KVM exit 77 at 0x0",
  ]);
});

test("keeps the last 16 kinds, and counts repetitions", () => {
  const history = new ExitHistory();
  for (let i = 0; i < 1000; i++) {
    history.record(kvmExit.KVM_EXIT_IO, i, OUT | 1, 0, i, 0);
    history.record(kvmExit.KVM_EXIT_IO, 0xe9, OUT | 1, 0x61, i, 0);
    history.record(kvmExit.KVM_EXIT_IO, 0xe9, OUT | 1, 0x62, i, 0);
  }
  const lines = history.lines();
  expect(lines).toHaveLength(16);
  expect(lines[0]).toBe("out 0x3e0 1 byte = 0x0 at 0x3e0");
  expect(lines.at(-1)).toBe("out 0xe9 1 byte = 0x62 at 0x3e7 (the last of 2)");
});
