import type { ErrorCode } from "@pvh/errors";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { errorOf } from "./config.testing.ts";
import { endActions, GuestConfig, guestConfigKeys } from "./guest-config.ts";
import { knownKeys } from "./known-keys.ts";
import { validateGuestConfig } from "./validate.ts";

const least = { name: "g", type: "pvh", kernel: "/k" };

describe("a JSON body", () => {
  test.each<[string, object, object]>([
    ["the least", least, { memory: 32, platform: "auto" }],
    ["the old spelling", { name: "g", pvh: true, kernel: "k" }, { pvh: true }],
    ["both spellings", { ...least, pvh: true }, { type: "pvh", pvh: true }],
    ["no devices", { ...least, disk: [], vif: [], pci: [] }, { disk: [], vif: [] }],
    ["a uuid in capitals", { ...least, uuid: "ABCDEF00-0000-4000-8000-000000000001" }, { uuid: /^abcdef00/ }],
    ["a name of many kinds", { ...least, name: "web-1.example_é 2" }, { name: "web-1.example_é 2" }],
    ["an empty command line", { ...least, cmdline: "" }, { cmdline: "" }],
  ])("%s", (_, body, expected) => {
    const config = validateGuestConfig(body);
    for (const [key, value] of Object.entries(expected)) {
      expect(config).toHaveProperty(key, value instanceof RegExp ? expect.stringMatching(value) : value);
    }
    expect(config).not.toHaveProperty("pci");
    expect(validateGuestConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
  });

  test.each<[ErrorCode, string, object, RegExp]>([
    ["CONFIG_INVALID", "name", { name: undefined }, /the key name is missing/],
    ["CONFIG_INVALID", "name", { name: "" }, /name is ""; it must be a text of 1 to 255 bytes/],
    ["CONFIG_INVALID", "name", { name: 5 }, /name is 5; it must be/],
    ["CONFIG_INVALID", "name", { name: null }, /name is null; it must be/],
    ["CONFIG_INVALID", "name", { name: "a/b" }, /without control characters and \//],
    ["CONFIG_INVALID", "name", { name: "a\nb" }, /name is "a\ufffdb"; it must be/],
    ["CONFIG_INVALID", "name", { name: "é".repeat(128) }, /1 to 255 bytes/],
    ["CONFIG_INVALID", "name", { name: "\ud800" }, /it must be/],
    ["CONFIG_INVALID", "name", { name: "a\u202eb" }, /it must be/],
    ["CONFIG_INVALID", "name", { name: "12" }, /name is "12", which would be taken for a domid/],
    ["CONFIG_INVALID", "name", { name: "00000000-0000-0000-0000-000000000001" }, /taken for a uuid/],
    ["CONFIG_INVALID", "name", { name: ".." }, /taken for a relative path/],
    ["CONFIG_INVALID", "type", { type: undefined }, /neither type nor pvh/],
    ["CONFIG_INVALID", "type", { type: "pv" }, /type is "pv", which asks for a guest of another type/],
    ["CONFIG_INVALID", "type", { type: "hvm" }, /another type/],
    ["CONFIG_INVALID", "type", { type: "p" }, /type is "p"; it must be "pvh"$/],
    ["CONFIG_INVALID", "type", { type: "PVH" }, /type is "PVH"; it must be "pvh"$/],
    ["CONFIG_INVALID", "pvh", { pvh: false }, /pvh is false, which asks for a guest of another type/],
    ["CONFIG_INVALID", "pvh", { pvh: 1 }, /pvh is 1; it must be true/],
    ["CONFIG_INVALID", "uuid", { uuid: "abcdef00000040008000000000000001" }, /grouped 8-4-4-4-12/],
    ["CONFIG_INVALID", "uuid", { uuid: "00000000-0000-0000-0000-000000000000" }, /all zeros/],
    ["CONFIG_INVALID", "kernel", { kernel: undefined }, /the key kernel is missing/],
    ["CONFIG_INVALID", "kernel", { kernel: "" }, /kernel is ""; it must be the path of a kernel file/],
    ["CONFIG_INVALID", "kernel", { kernel: "a\0b" }, /kernel is "a\ufffdb"/],
    ["CONFIG_INVALID", "kernel", { kernel: "k".repeat(4096) }, /kernel is "k{80}\.\.\."; it must be/],
    ["CONFIG_INVALID", "ramdisk", { ramdisk: "" }, /leave it out to have none/],
    ["CONFIG_INVALID", "cmdline", { cmdline: "x".repeat(65536) }, /at most 65535 characters/],
    ["CONFIG_INVALID", "extra", { extra: ["a"] }, /extra is a list of 1; it must be a text/],
    ["CONFIG_INVALID", "memory", { memory: "64" }, /memory is "64"; it must be a whole number of MiB/],
    ["CONFIG_INVALID", "memory", { memory: 1.5 }, /memory is 1.5/],
    ["CONFIG_INVALID", "memory", { memory: Number.NaN }, /memory is NaN/],
    ["CONFIG_INVALID", "memory", { memory: -1 }, /memory is -1/],
    ["CONFIG_INVALID", "memory", { memory: 2 ** 53 }, /memory is 9007199254740992/],
    ["CONFIG_INVALID", "maxmem", { memory: 64, maxmem: 32 }, /less than the 64 MiB of memory/],
    ["CONFIG_INVALID", "vcpus", { vcpus: 0 }, /from 1 to 128/],
    ["CONFIG_INVALID", "vcpus", { vcpus: 129 }, /from 1 to 128/],
    ["CONFIG_KEY_UNSUPPORTED", "vcpus", { vcpus: 33 }, /more than 32 CPUs are not implemented yet/],
    ["CONFIG_KEY_UNSUPPORTED", "maxvcpus", { maxvcpus: 64 }, /more than 32 CPUs are not implemented yet/],
    [
      "CONFIG_INVALID",
      "platform",
      { platform: "kvm" },
      /platform is "kvm"; it must be "auto", "xen" or "bare"/,
    ],
    ["CONFIG_INVALID", "pvh_abi", { pvh_abi: "v1" }, /"direct" or "classic"/],
    [
      "CONFIG_KEY_UNKNOWN",
      "onCrash",
      { onCrash: 1 },
      /the key "onCrash" is unknown; did you mean on_crash\?/,
    ],
    ["CONFIG_KEY_UNKNOWN", "toString", { toString: 1 }, /unknown/],
    ["CONFIG_KEY_UNSUPPORTED", "p9", { p9: ["a"] }, /not implemented yet/],
    ["CONFIG_KEY_UNSUPPORTED", "p9", { p9: null }, /not implemented yet/],
    ["CONFIG_INVALID", "disk", { disk: null }, /disk is null; it must be a list of at most 128 disks/],
    ["CONFIG_INVALID", "vif", { vif: "" }, /vif is ""; it must be a list of at most 64 network interfaces/],
    ["CONFIG_INVALID", "vif", { vif: Array(65).fill("") }, /vif is a list of 65; it must be/],
    ["CONFIG_INVALID", "vif", { vif: Array(500_000).fill(0) }, /vif is a list of 500000; it must be/],
    ["CONFIG_INVALID", "max_grant_frames", { max_grant_frames: 0 }, /a whole number from 1 to 256/],
    ["CONFIG_INVALID", "max_event_channels", { max_event_channels: 4096 }, /from 8 to 4095/],
    ["CONFIG_INVALID", "max_maptrack_frames", { max_maptrack_frames: 1025 }, /from 0 to 1024/],
    ["CONFIG_INVALID", "max_grant_version", { max_grant_version: 3 }, /is 3; it must be 1 or 2$/],
    ["CONFIG_INVALID", "max_grant_version", { max_grant_version: "1" }, /is "1"; it must be 1 or 2$/],
    ["CONFIG_INVALID", "cpus", { cpus: 3 }, /cpus is 3; it must be CPUs of the host such as/],
    ["CONFIG_INVALID", "cpus", { cpus: [3] }, /cpus is a list of 1; it must be CPUs of the host/],
    ["CONFIG_INVALID", "cpus", { cpus: "0,x" }, /cpus is "0,x", which has "x" where a CPU/],
    ["CONFIG_INVALID", "pool", { pool: "" }, /pool is ""; it must be the name of a cpupool/],
    ["CONFIG_INVALID", "cap", { cap: 101 }, /cap is 101, more than 1 vCPUs can use/],
  ])("%s %s: %j", (code, field, change, message) => {
    const error = errorOf(() => validateGuestConfig({ ...least, ...change }));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.details).toMatchObject({ field, found: expect.any(String), allowed: expect.any(String) });
    expect(error.details.line).toBeUndefined();
  });

  test("maxvcpus below vcpus is told as such", () => {
    const error = errorOf(() => validateGuestConfig({ ...least, vcpus: 4, maxvcpus: 2 }));
    expect(error.message).toMatch(/maxvcpus is 2, less than the 4 of vcpus/);
  });

  test.each([[null], [[]], ["text"], [5], [undefined]])("%j is no config", (body) => {
    const error = errorOf(() => validateGuestConfig(body));
    expect(error.code).toBe("CONFIG_INVALID");
    expect(error.message).toMatch(/it must be an object/);
  });

  test("__proto__ is a key like any other unknown one", () => {
    const body = JSON.parse('{"name":"g","type":"pvh","kernel":"k","__proto__":{"memory":1}}');
    expect(errorOf(() => validateGuestConfig(body)).details.field).toBe("__proto__");
  });

  test("a body of countless wrong keys costs little", () => {
    const keys = Array.from({ length: 100_000 }, (_, index) => [`key_${index}`, index]);
    const error = errorOf(() => validateGuestConfig(Object.fromEntries(keys)));
    expect(error.message).toMatch(/^the key "key_0" is unknown \(more problems: key_1, .* and others\)$/);
    const long = errorOf(() => validateGuestConfig({ ...least, ["x".repeat(1e6)]: 1 }));
    expect(JSON.stringify([long.message, long.details]).length).toBeLessThan(1000);
  });
});

describe("tables of keys", () => {
  test("every implemented key explains itself", () => {
    for (const key of guestConfigKeys) {
      expect(key.meaning, key.name).toMatch(/\.$/);
      expect(key.allowed, key.name).not.toMatch(/\.$/);
    }
    expect(guestConfigKeys.filter(({ required }) => required).map(({ name }) => name)).toEqual([
      "name",
      "kernel",
    ]);
  });

  test("every other key is refused by its name", () => {
    for (const { name } of knownKeys) {
      const error = errorOf(() => validateGuestConfig({ ...least, [name]: 1 }));
      expect(error.code).toBe("CONFIG_KEY_UNSUPPORTED");
      expect(error.message).toContain(name);
    }
  });

  test.each(["on_poweroff", "on_reboot", "on_watchdog", "on_crash", "on_soft_reset"])(
    "%s takes all of xl's actions",
    (key) => {
      for (const action of endActions) {
        expect(validateGuestConfig({ ...least, [key]: action })).toHaveProperty(key, action);
      }
      expect(errorOf(() => validateGuestConfig({ ...least, [key]: "reboot" })).code).toBe("CONFIG_INVALID");
    },
  );
});

test("the schema has a JSON Schema with a description for each key", () => {
  const document = z.toJSONSchema(GuestConfig, { io: "input" });
  // Once an API has given the schema a name, it stands among the definitions.
  const schema = document.$defs?.GuestConfig ?? document;
  expect(schema.required).toEqual(["name", "kernel"]);
  expect(schema.additionalProperties).toBe(false);
  for (const { name, meaning } of guestConfigKeys) {
    expect(schema.properties?.[name]).toMatchObject({ description: meaning });
  }
});
