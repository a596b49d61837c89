import type { ErrorCode } from "@pvh/errors";
import { describe, expect, test } from "vitest";
import { errorOf, marked, minimal, pointedAt } from "./config.testing.ts";
import { parseGuestConfig } from "./parse-guest-config.ts";

test("the least file, and the defaults", () => {
  expect(parseGuestConfig(minimal)).toEqual({
    name: "g",
    type: "pvh",
    kernel: "/k",
    memory: 32,
    vcpus: 1,
    disk: [],
    vif: [],
    max_grant_frames: 64,
    max_event_channels: 1023,
    max_maptrack_frames: 1024,
    on_poweroff: "destroy",
    on_reboot: "restart",
    on_watchdog: "destroy",
    on_crash: "destroy",
    platform: "auto",
  });
});

test("every key", () => {
  const text = `
    name = "web"; type = "pvh"; pvh = 1
    uuid = "6F3C1B5E-0000-4000-8000-0123456789AB"
    kernel = "vmlinuz"; ramdisk = "initrd"
    cmdline = "a"; root = "b"; extra = "c"
    memory = 512; maxmem = 1024; vcpus = 2; maxvcpus = 32
    disk = ["/a,raw,xvda,w"]; vif = [""]
    max_grant_frames = 32; max_event_channels = 100; max_maptrack_frames = 8; max_grant_version = 2
    cpu_weight = 512; cap = 50; cpus = ["0-3,^2", 1]; cpus_soft = "all"; pool = "fast"
    on_poweroff = "restart"; on_reboot = "destroy"; on_watchdog = "rename-restart"; on_crash = "coredump-restart"
    on_soft_reset = "preserve"
    platform = "xen"; pvh_abi = "classic"
  `;
  expect(parseGuestConfig(text)).toEqual({
    name: "web",
    type: "pvh",
    pvh: true,
    uuid: "6f3c1b5e-0000-4000-8000-0123456789ab",
    kernel: "vmlinuz",
    ramdisk: "initrd",
    cmdline: "a",
    root: "b",
    extra: "c",
    memory: 512,
    maxmem: 1024,
    vcpus: 2,
    maxvcpus: 32,
    disk: [expect.objectContaining({ target: "/a", vdev: "xvda" })],
    vif: [{ devid: 0 }],
    max_grant_frames: 32,
    max_event_channels: 100,
    max_maptrack_frames: 8,
    max_grant_version: 2,
    cpu_weight: 512,
    cap: 50,
    cpus: ["0-3,^2", "1"],
    cpus_soft: "all",
    pool: "fast",
    on_poweroff: "restart",
    on_reboot: "destroy",
    on_watchdog: "rename-restart",
    on_crash: "coredump-restart",
    on_soft_reset: "preserve",
    platform: "xen",
    pvh_abi: "classic",
  });
});

describe("values that xl's atoms may hold", () => {
  test.each<[string, object]>([
    ["memory = 0x40", { memory: 64 }],
    ["memory = 0100", { memory: 64 }],
    ["memory = '64'", { memory: 64 }],
    ["memory = '0x40'", { memory: 64 }],
    ["pvh = 1", { pvh: true }],
    ["pvh = 7", { pvh: true }],
    ["pvh = '1'", { pvh: true }],
    ["extra = 1", { extra: "1" }],
    ["extra = 0x1", { extra: "0x1" }],
    ["ramdisk = 1e", { ramdisk: "1e" }],
    ["extra = 'a'\nextra += 'b'\nextra += \"c\"", { extra: "abc" }],
    ["extra += 'b'", { extra: "b" }],
    ["cpus = 2", { cpus: "2" }],
    ["cpus = '0-'\ncpus += '3'", { cpus: "0-3" }],
    ["vcpus = 2\ncpus = [1]\ncpus += ['all']", { cpus: ["1", "all"] }],
    ["disk = []; vif = [\n]; pci = []", { disk: [], vif: [] }],
    ["p9 = []\np9 += []", {}],
    ["disk = ['/a,,xvda']\ndisk += ['/b,,xvdb',]", { disk: [{ vdev: "xvda" }, { vdev: "xvdb" }] }],
    ["disk += ['/a,,xvda']", { disk: [{ target: "/a" }] }],
  ])("%s", (line, expected) => {
    expect(parseGuestConfig(minimal + line)).toMatchObject(expected);
    expect(parseGuestConfig(minimal + line)).not.toHaveProperty("p9");
  });
});

describe("what is refused", () => {
  test.each<[ErrorCode, string, string, RegExp]>([
    // Values.
    [
      "CONFIG_INVALID",
      "memory",
      "memory = «0",
      /memory is 0; it must be a whole number of MiB from 1 to 16777216$/,
    ],
    ["CONFIG_INVALID", "memory", "memory = «16777217", /memory is 16777217; it must be/],
    ["CONFIG_INVALID", "memory", "memory = «99999999999999999999", /it must be a whole number of MiB/],
    ["CONFIG_INVALID", "memory", `memory = «${"9".repeat(1000)}`, /memory is "9+\.\.\."; it must be/],
    ["CONFIG_INVALID", "memory", "memory = «''", /memory is ""; it must be/],
    ["CONFIG_INVALID", "memory", "memory = «' 64'", /memory is " 64"; it must be/],
    ["CONFIG_INVALID", "memory", "memory = «'-64'", /memory is "-64"; it must be/],
    ["CONFIG_INVALID", "memory", "memory = «12ab", /memory is "12ab"; it must be/],
    ["CONFIG_INVALID", "memory", "memory = «0x", /memory is "0x"; it must be/],
    ["CONFIG_INVALID", "memory", "memory = «089", /numbers that begin with 0 are octal/],
    ["CONFIG_INVALID", "memory", "memory = «[64]", /memory is a list of 1; it must be/],
    ["CONFIG_INVALID", "extra", "extra = «[]", /extra is an empty list; it must be a text/],
    ["CONFIG_INVALID", "pvh", "pvh = «'yes'", /pvh is "yes"; it must be 1 for yes or 0 for no/],
    ["CONFIG_INVALID", "pvh", "pvh = «0", /asks for a guest of another type, and only PVH guests/],
    ["CONFIG_INVALID", "uuid", "uuid = «'123'", /32 hexadecimal digits grouped 8-4-4-4-12$/],
    [
      "CONFIG_INVALID",
      "on_crash",
      "on_crash = «'reboot'",
      /must be "destroy", "restart", "rename-restart", /,
    ],
    [
      "CONFIG_INVALID",
      "cpus",
      "cpus = «'3-1'",
      /cpus is "3-1", which has the range "3-1", which ends before/,
    ],
    [
      "CONFIG_INVALID",
      "cpus",
      "maxvcpus = 2\ncpus = «['0', '^all']",
      /cpus\[1\] is "\^all", which takes all/,
    ],
    ["CONFIG_INVALID", "cpus", "cpus = «['0', '1']", /a list of 2, but the guest has at most 1 vCPUs/],
    [
      "CONFIG_INVALID",
      "cpus_soft",
      "cpus_soft = «[['0']]",
      /cpus_soft is a list of 1; it must be CPUs of the host/,
    ],
    ["CONFIG_KEY_UNSUPPORTED", "cpus_soft", "cpus_soft = «'node:0'", /NUMA nodes, which are not implemented/],
    ["CONFIG_INVALID", "cap", "vcpus = 2\ncap = «201", /cap is 201, more than 2 vCPUs can use/],
    ["CONFIG_INVALID", "cpu_weight", "cpu_weight = «0", /a whole number from 1 to 65535/],
    [
      "CONFIG_KEY_UNSUPPORTED",
      "vcpus",
      "vcpus = «33",
      /more than 32 CPUs are not implemented yet; set it to at most 32$/,
    ],
    [
      "CONFIG_INVALID",
      "maxmem",
      "memory = 64\nmaxmem = «63",
      /maxmem is 63 MiB, less than the 64 MiB of memory$/,
    ],
    // Keys.
    ["CONFIG_KEY_UNKNOWN", "memry", "\t«memry = 64", /the key "memry" is unknown; did you mean memory\?$/],
    ["CONFIG_KEY_UNKNOWN", "frobnicate", "«frobnicate = 1", /the key "frobnicate" is unknown$/],
    ["CONFIG_KEY_UNKNOWN", "constructor", "«constructor = 1", /unknown/],
    ["CONFIG_KEY_UNKNOWN", "memry", "«memry = []", /unknown/],
    [
      "CONFIG_KEY_UNSUPPORTED",
      "p9",
      "«p9 = ['a']",
      /p9 is not implemented yet: shared directories are still missing/,
    ],
    ["CONFIG_KEY_UNSUPPORTED", "p9", "«p9 = 'a'", /p9 is not implemented yet/],
    ["CONFIG_KEY_UNSUPPORTED", "p9", "«p9 = []\np9 += ['a']", /p9 is not implemented yet/],
    [
      "CONFIG_INVALID",
      "disk",
      "disk = «'/a,raw,xvda'",
      /one text; it must be a list: disk = \["\/a,raw,xvda"\]$/,
    ],
    ["CONFIG_INVALID", "vif", "vif = «0", /vif is "0", one text; it must be a list/],
    ["CONFIG_KEY_UNSUPPORTED", "vnuma", "«vnuma = []", /vnuma is not implemented yet/],
    ["CONFIG_KEY_UNSUPPORTED", "boot", "«boot = 'c'", /does not apply to PVH guests, only to HVM guests/],
    ["CONFIG_KEY_UNSUPPORTED", "e820_host", "«e820_host = 1", /only to PV guests/],
    ["CONFIG_KEY_UNSUPPORTED", "gic_version", "«gic_version = 'v3'", /only to guests on Arm/],
    ["CONFIG_KEY_UNSUPPORTED", "builder", "«builder = 'generic'", /replaced by type/],
    ["CONFIG_KEY_UNSUPPORTED", "vlan", "«vlan = 1", /an option of vif devices/],
    // Assignments.
    [
      "CONFIG_INVALID",
      "memory",
      "memory = 1\n«memory = 1",
      /set on line 4 and again on line 5; keep one of them/,
    ],
    ["CONFIG_INVALID", "extra", "extra += 'a'\n«extra = 'b'", /set on line 4 and again on line 5/],
    ["CONFIG_INVALID", "memory", "memory = 1\nmemory += «2", /\+= adds to texts and lists only/],
    ["CONFIG_INVALID", "memory", "memory = 1\nmemory += «'2'", /memory is of type integer/],
    ["CONFIG_INVALID", "extra", "extra = 'a'\nextra += «2", /extra is given a number/],
    [
      "CONFIG_INVALID",
      "extra",
      "extra = 'a'\nextra += «['b']",
      /extra is a text \(on line 4\) and this is a list/,
    ],
    [
      "CONFIG_INVALID",
      "disk",
      "disk = ['a']\ndisk += «'b'",
      /disk is a list \(on line 4\) and this is a text/,
    ],
    ["CONFIG_INVALID", "vif", "vif = ['']\nvif += «1", /vif is given a number/],
  ])("%s %s: %j", (code, field, input, message) => {
    const { text, line, column } = marked(minimal + input);
    const error = errorOf(() => parseGuestConfig(text, { filename: "guest.cfg" }));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.message.startsWith(`guest.cfg, line ${line}, column ${column}: `)).toBe(true);
    expect(error.details).toMatchObject({
      field,
      line,
      column,
      found: expect.any(String),
      allowed: expect.any(String),
    });
    expect(pointedAt(error)).toBe(text.split("\n")[line - 1]?.[column - 1]);
  });

  test.each<[string, string, RegExp]>([
    [
      "name",
      'type = "pvh"\nkernel = "/k"',
      /^guest.cfg: the key name is missing; it must be a text of 1 to 255 bytes/,
    ],
    [
      "kernel",
      'type = "pvh"\nname = "g"',
      /^guest.cfg: the key kernel is missing; it must be the path of a kernel/,
    ],
    [
      "type",
      'name = "g"\nkernel = "/k"',
      /^guest.cfg: neither type nor pvh asks for a PVH guest.* set type to "pvh"$/,
    ],
  ])("no %s", (field, text, message) => {
    const error = errorOf(() => parseGuestConfig(text, { filename: "guest.cfg" }));
    expect(error.code).toBe("CONFIG_INVALID");
    expect(error.message).toMatch(message);
    expect(error.details.field).toBe(field);
    expect(error.details.line).toBeUndefined();
  });

  test("the first problem in the file is told whole, the others by name and line", () => {
    const error = errorOf(() =>
      parseGuestConfig(`${minimal}vnuma = 'all'\nmemory = 0\nbios = 1\nvcpus = 999`),
    );
    expect(error.message).toBe(
      "line 4, column 1: the key vnuma is not implemented yet: NUMA and other schedulers' parameters are still missing; " +
        "leave it out (more problems: memory (line 5), bios (line 6), vcpus (line 7))",
    );
    const misread = errorOf(() => parseGuestConfig(`${minimal}memory = 'x'\nfoo = 1`));
    expect(misread.message).toMatch(/memory is "x".*\(more problems: foo \(line 5\)\)$/);
    const missing = errorOf(() => parseGuestConfig("memory = 0"));
    expect(missing.message).toMatch(/memory is 0.*\(more problems: name, kernel\)$/);
  });

  test("a value out of range is one problem, not two", () => {
    const error = errorOf(() => parseGuestConfig(`${minimal}vcpus = 40`));
    expect(error.message).not.toMatch(/more problems/);
  });

  test.each<[ErrorCode, string, string, RegExp]>([
    [
      "CONFIG_INVALID",
      "disk[0].vdev",
      "disk = ['/a,raw,«xvdA,w']",
      /: disk\[0\]: vdev is "xvdA"; it must be/,
    ],
    [
      "CONFIG_INVALID",
      "disk[1].vdev",
      "disk = ['/a,,hda',\n  'vdev=«hda,/b']",
      /device 768 as that of disk\[0\]$/,
    ],
    ["CONFIG_KEY_UNSUPPORTED", "disk[0].format", "disk = ['/a,«vdi,xvda']", /format is "vdi", but xl's/],
    ["CONFIG_INVALID", "disk[0].vdev", "disk = [«'/a,raw']", /the option vdev is missing/],
    ["CONFIG_INVALID", "disk[0].vdev", "disk = [«'/\\x61,raw,xvdA']", /vdev is "xvdA"/],
    ["CONFIG_INVALID", "disk[0]", "disk = [«['/a,,xvda']]", /it is a list of 1; it must be a text as in xl/],
    ["CONFIG_INVALID", "vif[1].mtu", "vif = ['', 'bridge=br0,  mtu=«9']", /mtu is 9; it must be/],
    [
      "CONFIG_INVALID",
      "vif[1].mac",
      "vif = ['mac=0:1:2:3:4:5','mac=«00:01:02:03:04:05']",
      /same as that of vif\[0\]$/,
    ],
    ["CONFIG_INVALID", "vif[0].brigde", "vif = ['brigde=«br0']", /unknown; did you mean bridge\?$/],
    ["CONFIG_INVALID", "vif[0]", "vif = [«'br0']", /"br0" is no option/],
  ])("a device: %s %s: %j", (code, field, input, message) => {
    const { text, line, column } = marked(minimal + input);
    const error = errorOf(() => parseGuestConfig(text));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.details).toMatchObject({ field, line, column });
  });

  test("of several problems with devices the first of each list is told", () => {
    const error = errorOf(() => parseGuestConfig(`${minimal}vif = ['mtu=1']\ndisk = ['a', 'b']`));
    expect(error.message).toMatch(
      /^line 4, column 13: vif\[0\]: mtu is 1;.* \(more problems: disk \(line 5\)\)$/,
    );
  });
});
