import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { inspectKernel, kernelReport, parseGuestConfig, unpackKernel } from "@pvh/builder";
import { beforeAll, describe, expect, test } from "vitest";
import { buildGuests, ramdiskPath } from "../guests/build.ts";
import { guests } from "../guests/guests.ts";
import { commandLine, ramdiskBytes } from "../guests/payload.ts";
import { guestConfigText } from "../support/guest-runs.ts";
import { root } from "../support/programs.ts";

const folder = join(root, "e2e/guests");
let kernels: Record<string, string>;

beforeAll(async () => {
  kernels = await buildGuests();
}, 120_000);

test("every guest of the manifest is built", () => {
  expect(Object.keys(kernels)).toEqual(guests.map(({ name }) => name));
  for (const { name, bits } of guests) {
    const elf = readFileSync(kernels[name] ?? "");
    expect(elf.subarray(0, 5)).toEqual(Buffer.from([0x7f, 0x45, 0x4c, 0x46, bits === 64 ? 2 : 1]));
  }
});

describe.each(readdirSync(folder).filter((file) => file.endsWith(".cfg")))("%s", (file) => {
  const config = parseGuestConfig(readFileSync(join(folder, file), "utf8"), { filename: file });

  test("names a guest that is built", () => {
    expect(join(folder, config.kernel ?? "")).toBe(kernels[config.name]);
    expect(file).toBe(`${config.name}.cfg`);
  });

  test("carries the right checksums, if it has a ramdisk", () => {
    if (config.ramdisk === undefined) {
      expect(config.cmdline ?? "").not.toContain("crc32");
      return;
    }
    const ramdisk = ramdiskBytes();
    expect(join(folder, config.ramdisk ?? "")).toBe(ramdiskPath);
    const words = /ramdisk_crc32=0x[0-9a-f]{8} (.*) cmdline_crc32/.exec(config.cmdline ?? "")?.[1] ?? "";
    expect(config.cmdline).toBe(commandLine({ memory: config.memory, ramdisk, words }));
  });
});

test("a config written for a test keeps blanks, quotes and backslashes", () => {
  const cmdline = commandLine({ memory: 16, words: 'a="b c"  \\d' });
  const config = parseGuestConfig(guestConfigText({ kernel: "/k", memory: 16, cmdline }));
  expect(config).toMatchObject({ kernel: "/k", memory: 16, cmdline });
});

test.each(guests)("the reader finds the interface of $name", ({ name, bits }) => {
  const report = kernelReport(inspectKernel(unpackKernel(readFileSync(kernels[name] ?? ""))));
  expect(report.abis.classic.supported).toBe(bits === 64);
  expect(report.abis.direct.supported).toBe(bits === 32);
  // Not the ELF header's entry point, which is a wrong one on purpose.
  const { abis, elf } = report;
  expect((bits === 64 ? abis.classic : abis.direct).entry).toBe(
    bits === 64 ? "0xffffffff80100000" : "0x100000",
  );
  expect(elf.entry).not.toBe(abis.direct.entry);
});
