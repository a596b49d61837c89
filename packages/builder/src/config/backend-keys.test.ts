import { describe, expect, test } from "vitest";
import { backendRules, refuseForeignKeys } from "./backend-keys.ts";
import { errorOf } from "./config.testing.ts";
import { endActions, GuestConfig, type GuestConfigInput } from "./guest-config.ts";

const config = (changes: Partial<GuestConfigInput> = {}) =>
  GuestConfig.parse({ name: "g", type: "pvh", kernel: "/k", ...changes });

test.each(["kvm", "xen", "simulator"])("a plain config is right for %s", (backend) => {
  expect(() => refuseForeignKeys(config(), backend)).not.toThrow();
  // Of generated configs: it asks for nothing.
  expect(() => refuseForeignKeys(config({ cpus: [] }), backend)).not.toThrow();
});

describe("what only one backend can", () => {
  test.each<[string, string, Partial<GuestConfigInput>, RegExp]>([
    ["kvm", "cpus", { cpus: "0-3" }, /^cpus is "0-3", but the kvm backend leaves processor time to the host/],
    ["kvm", "cpus", { cpus: ["0"] }, /^cpus is a list of 1, but the kvm backend/],
    ["kvm", "cpus_soft", { cpus_soft: "all" }, /leave it out\.$/],
    ["kvm", "pool", { pool: "Pool-0" }, /leave it out/],
    ["kvm", "cpu_weight", { cpu_weight: 256 }, /leave it out/],
    ["kvm", "cap", { cap: 0 }, /^cap is 0, but/],
    ["kvm", "max_grant_version", { max_grant_version: 2 }, /version 2 of grant tables; set it to 1\.$/],
    ["kvm", "on_soft_reset", { on_soft_reset: "soft-reset" }, /set it to "destroy" or "restart"\.$/],
    [
      "kvm",
      "disk[0].format",
      { disk: ["/a,qcow2,xvda"] },
      /^disk\[0\]: format is "qcow2", .* convert -O raw\.$/,
    ],
    [
      "kvm",
      "disk[1].backendtype",
      { disk: ["/a,raw,xvda", "/b,raw,xvdb,backendtype=qdisk"] },
      /^disk\[1\]: backendtype is "qdisk", .* leave it out\.$/,
    ],
    [
      "kvm",
      "device_model_override",
      { device_model_override: "/q" },
      /has no QEMU behind its guests; leave it/,
    ],
    ["xen", "platform", { platform: "bare" }, /^platform is "bare", but the xen backend gives every domain/],
  ])("%s refuses %s: %j", (backend, field, changes, message) => {
    const error = errorOf(() => refuseForeignKeys(config(changes), backend));
    expect(error).toMatchObject({ code: "CONFIG_KEY_UNSUPPORTED", details: { field } });
    expect(error.message).toMatch(message);
    const other = backend === "kvm" ? "xen" : "kvm";
    expect(() => refuseForeignKeys(config(changes), other)).not.toThrow();
    expect(() => refuseForeignKeys(config(changes), "simulator")).not.toThrow();
  });

  test.each(["on_poweroff", "on_reboot", "on_watchdog", "on_crash", "on_soft_reset"] as const)(
    "of %s, kvm takes what needs nothing of the ended domain",
    (key) => {
      for (const action of endActions) {
        const run = () => refuseForeignKeys(config({ [key]: action }), "kvm");
        if (action === "destroy" || action === "restart") expect(run).not.toThrow();
        else
          expect(errorOf(run).message).toContain(`${key} is "${action}", but the kvm backend keeps nothing`);
        expect(() => refuseForeignKeys(config({ [key]: action }), "xen")).not.toThrow();
      }
    },
  );
});

test("every rule names keys that there are", () => {
  const known = new Set(Object.keys(GuestConfig.shape));
  for (const { keys } of backendRules) for (const key of keys) expect(known).toContain(key);
});
