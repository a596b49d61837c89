import { execFileSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkHost, vmmEntry } from "@pvh/kvm";
import { afterEach, describe, expect, test } from "vitest";
import { withFolder } from "../support/programs.ts";

afterEach(() => {
  delete process.env.PVH_KVM_DEVICE;
});

describe("the report on a host", () => {
  test("says that KVM is missing", async () => {
    process.env.PVH_KVM_DEVICE = "/dev/no-such-kvm";
    expect(await checkHost()).toMatchObject({ usable: false, problem: { code: "HOST_KVM_MISSING" } });
  });

  test("says that KVM is forbidden to this user", async () => {
    await withFolder("pvh-report", async (folder) => {
      const device = join(folder, "kvm");
      writeFileSync(device, "");
      chmodSync(device, 0);
      chmodSync(folder, 0o755);
      // Permissions mean nothing to root: look as somebody else.
      const report = execFileSync(process.execPath, [vmmEntry(), "probe"], {
        env: { ...process.env, PVH_KVM_DEVICE: device },
        ...(process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}),
        encoding: "utf8",
      });
      expect(JSON.parse(report)).toMatchObject({ usable: false, problem: { code: "HOST_KVM_FORBIDDEN" } });
    });
  });
});
