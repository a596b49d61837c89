import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkHost } from "@pvh/kvm";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { buildGuests } from "../guests/build.ts";
import { processesIn } from "../support/processes.ts";
import { noKvm } from "../support/programs.ts";
import { requireOrSkip } from "../support/require-or-skip.ts";
import { VmmFolder, type VmmSettings } from "../support/vmms.ts";

/** What a VMM refuses leaves one sentence and nothing else. */

let kernels: Record<string, string>;
let folder: VmmFolder;

beforeAll(async () => {
  kernels = await buildGuests();
});
beforeEach(() => {
  folder = new VmmFolder();
});
afterEach(async () => {
  delete process.env.PVH_KVM_DEVICE;
  expect(processesIn(folder.path)).toEqual([]);
  await folder.close();
});

const kernel = (name: string) => kernels[name] ?? `no guest ${name}`;

async function refusal(settings: Partial<VmmSettings>): Promise<{ code: string; message: string }> {
  const dir = join(folder.path, "domain");
  const error = await folder.launch({ kernel: kernel("classic-poweroff"), dir, ...settings }).then(
    () => undefined,
    (reason) => reason,
  );
  expect(existsSync(dir)).toBe(false);
  return error ?? { code: "none", message: "it was launched" };
}

describe.skipIf(requireOrSkip("what a VMM refuses", noKvm()))("a VMM refuses", () => {
  test("more memory than the host has", async () => {
    const { code, message } = await refusal({ memory: 8 * 1024 * 1024 });
    expect(code).toBe("HOST_MEMORY");
    expect(message).toMatch(/^The guest needs 8388672 MiB .* but .* has \d+ MiB left: lower memory/);
  });

  test("a host without KVM", async () => {
    process.env.PVH_KVM_DEVICE = join(folder.path, "kvm");
    const { code, message } = await refusal({});
    expect(code).toBe("HOST_KVM_MISSING");
    expect(message).toContain("load the module kvm_intel or kvm_amd");
  });

  test("a device that is not KVM's", async () => {
    process.env.PVH_KVM_DEVICE = "/dev/null";
    expect((await refusal({})).code).toBe("HOST_KVM_MISSING");
  });

  test("a kernel that is not there, is a directory, a pipe, or no kernel", async () => {
    const missing = await refusal({ kernel: join(folder.path, "none") });
    expect(missing).toMatchObject({ code: "FILE_UNREADABLE" });
    expect(missing.message).toContain("does not exist");
    expect((await refusal({ kernel: folder.path })).message).toContain("a directory");
    const pipe = join(folder.path, "pipe");
    execFileSync("mkfifo", [pipe]);
    expect(await refusal({ kernel: pipe })).toMatchObject({ code: "FILE_UNREADABLE" });
    const text = join(folder.path, "text");
    writeFileSync(text, "no kernel\n".repeat(1000));
    expect(await refusal({ kernel: text })).toMatchObject({ code: "KERNEL_FORMAT" });
  });

  test("a ramdisk that is larger than the guest's memory", async () => {
    const ramdisk = join(folder.path, "ramdisk");
    writeFileSync(ramdisk, Buffer.alloc(17 * 2 ** 20, 1));
    expect(await refusal({ ramdisk })).toMatchObject({ code: "KERNEL_TOO_LARGE" });
  });
});

test.skipIf(requireOrSkip("the report on a host with KVM", noKvm()))(
  "a host's report lists what KVM can do",
  async () => {
    const report = await checkHost();
    expect(report).toMatchObject({ usable: true, device: "/dev/kvm" });
    expect(report.capabilities.KVM_CAP_IRQCHIP).toBeGreaterThan(0);
    expect(report.memoryAvailable).toBeGreaterThan(0);
  },
);
