import { GuestConfig } from "@pvh/builder";
import { PvhError } from "@pvh/errors";
import { describe, expect, test } from "vitest";
import { dataOfLibxl } from "./from-libxl.ts";
import { libxlConfig } from "./libxl-config.ts";

const uuid = "628c6481-d60b-447a-a3be-0d1a910bb887";

/** As xl of 4.17 saves a domain. */
const saved = {
  c_info: { type: "pvh", name: "counter", uuid, run_hotplug_scripts: "True" },
  b_info: {
    max_vcpus: 2,
    avail_vcpus: [0],
    vcpu_hard_affinity: [[0], [0]],
    max_memkb: 262144,
    target_memkb: 131072,
    video_memkb: 0,
    max_grant_frames: 32,
    sched_params: { sched: "credit2", weight: 512, cap: 50 },
    claim_mode: "True",
    event_channels: 511,
    kernel: "/boot/vmlinuz",
    cmdline: "console=hvc0 quiet",
    ramdisk: "/boot/initramfs",
    "type.pvh": {},
    arch_arm: {},
    arch_x86: { msr_relaxed: "False" },
  },
  disks: [
    { pdev_path: "/tmp/disk", vdev: "xvda", format: "raw", readwrite: 1, colo_restore_enable: "False" },
  ],
  nics: [
    { devid: 0, mac: "00:16:3e:52:d8:15", bridge: "xenbr0", nictype: "vif" },
    {
      ...{ devid: 1, mtu: 1400, mac: "00:16:3e:11:22:33", bridge: "br1", ifname: "foo", nictype: "vif" },
      ...{ rate_bytes_per_interval: 50000, rate_interval_usecs: 50000 },
    },
  ],
  on_poweroff: "preserve",
  on_reboot: "restart_rename",
  on_crash: "coredump_restart",
};

test("a domain that xl has saved", () => {
  expect(dataOfLibxl(JSON.stringify(saved)).config).toEqual({
    name: "counter",
    type: "pvh",
    platform: "xen",
    uuid,
    kernel: "/boot/vmlinuz",
    ramdisk: "/boot/initramfs",
    cmdline: "console=hvc0 quiet",
    memory: 128,
    maxmem: 256,
    vcpus: 1,
    maxvcpus: 2,
    cpus: "0",
    cpu_weight: 512,
    cap: 50,
    max_grant_frames: 32,
    max_event_channels: 511,
    max_maptrack_frames: 1024,
    disk: [
      {
        ...{ target: "/tmp/disk", vdev: "xvda", format: "raw", access: "w", devtype: "disk" },
        ...{ discard: true, direct_io_safe: false, trusted: true },
      },
    ],
    vif: [
      { devid: 0, mac: "00:16:3e:52:d8:15", bridge: "xenbr0" },
      {
        ...{ devid: 1, mac: "00:16:3e:11:22:33", bridge: "br1", vifname: "foo", mtu: 1400 },
        rate: "1000000B/s@50000us",
      },
    ],
    on_poweroff: "preserve",
    on_reboot: "rename-restart",
    on_watchdog: "destroy",
    on_crash: "coredump-restart",
    on_soft_reset: "destroy",
  });
});

test("a config comes back from libxl's", () => {
  const config = GuestConfig.parse({
    ...{ name: "g", type: "pvh", platform: "xen", uuid, kernel: "/k", ramdisk: "/r", cmdline: "a b" },
    ...{ memory: 100, maxmem: 200, vcpus: 1, maxvcpus: 3, max_grant_frames: 16, max_event_channels: 100 },
    ...{ max_maptrack_frames: 10, max_grant_version: 1, cpu_weight: 300, cap: 20, pool: "other" },
    ...{ cpus: ["0-2", "1", "3"], cpus_soft: "1", on_reboot: "preserve", on_soft_reset: "soft-reset" },
    disk: [
      "/a,raw,xvda,w",
      "/b,raw,xvdb,r,cdrom",
      "/c,raw,xvdc,w,no-discard,untrusted,direct-io-safe",
      "/d,qcow2,xvdd,w",
      "/e,raw,xvde,w,backendtype=qdisk",
    ],
    vif: ["mac=00:16:3e:00:00:01,bridge=b,rate=10Mb/s@20ms,mtu=1400,vifname=v,ip=10.0.0.1,untrusted"],
  });
  const { config: read } = dataOfLibxl(JSON.stringify(libxlConfig(config, { uuid })));
  const [vif] = config.vif;
  // The same rate in other units.
  expect(read).toEqual({ ...config, vif: [{ ...vif, rate: "1250000B/s@20000us" }] });
});

test("a program that the saved domain had for its disks is not run here", () => {
  const { b_info } = saved;
  const own = JSON.stringify({ ...saved, b_info: { ...b_info, device_model: "/tmp/program" } });
  expect(dataOfLibxl(own).config.device_model_override).toBeUndefined();
});

test("of MSRs libxl says something, or it is an old domain", () => {
  const relaxed = (arch_x86: object | undefined) =>
    dataOfLibxl(JSON.stringify({ ...saved, b_info: { ...saved.b_info, arch_x86 } })).msrRelaxed;
  expect([{ msr_relaxed: "False" }, { msr_relaxed: "True" }, {}, undefined].map(relaxed)).toEqual([
    ...[false, true, true, true],
  ]);
  const own = (msrRelaxed: boolean | undefined) =>
    JSON.stringify(libxlConfig(dataOfLibxl(JSON.stringify(saved)).config, { uuid, msrRelaxed }));
  expect([true, false, undefined].map((value) => dataOfLibxl(own(value)).msrRelaxed)).toEqual([
    true,
    false,
    false,
  ]);
});

test("what nobody set is libxl's default", () => {
  const { max_memkb, vcpu_hard_affinity, sched_params, event_channels, ...rest } = saved.b_info;
  const { config } = dataOfLibxl(
    JSON.stringify({ c_info: { ...saved.c_info, pool_name: "Pool-0" }, b_info: rest }),
  );
  expect(config).toMatchObject({
    maxmem: 128,
    max_event_channels: 1023,
    disk: [],
    vif: [],
    on_crash: "destroy",
  });
  expect([config.pool, config.cpus, config.cpu_weight]).toEqual([undefined, undefined, undefined]);
});

describe("refused", () => {
  const refusal = (document: unknown) => {
    try {
      dataOfLibxl(typeof document === "string" ? document : JSON.stringify(document));
    } catch (error) {
      if (error instanceof PvhError) return `${error.code} ${error.details.field}: ${error.message}`;
      throw error;
    }
    return "nothing";
  };
  const withInfo = (more: object) => ({ ...saved, b_info: { ...saved.b_info, ...more } });
  const withDisk = (more: object) => ({ ...saved, disks: [{ ...saved.disks[0], ...more }] });
  const withNic = (more: object) => ({ ...saved, nics: [{ ...saved.nics[0], ...more }] });

  test.each<[string, unknown, RegExp]>([
    ["no JSON", "{", /^SAVED_FORMAT/],
    ["null", null, /^SAVED_FORMAT/],
    ["no domain", {}, /^SAVED_FORMAT c_info/],
    ["no memory", withInfo({ target_memkb: 0 }), /^SAVED_FORMAT b_info.target_memkb/],
    [
      "a PV guest",
      { ...saved, c_info: { ...saved.c_info, type: "pv" } },
      /^CONFIG_KEY_UNSUPPORTED c_info.type.*"pv"/,
    ],
    ["no kernel", withInfo({ kernel: undefined }), /^CONFIG_INVALID b_info.kernel/],
    ["a boot loader", withInfo({ bootloader: "pygrub" }), /^CONFIG_KEY_UNSUPPORTED b_info.bootloader/],
    ["a relative kernel", withInfo({ kernel: "vmlinuz" }), /^CONFIG_INVALID b_info.kernel.*relative/],
    ["a relative disk", withDisk({ pdev_path: "a.img" }), /^CONFIG_INVALID disks\[0\].pdev_path/],
    ["a CPUID policy", withInfo({ cpuid: [{ leaf: 1 }] }), /^CONFIG_KEY_UNSUPPORTED b_info.cpuid/],
    [
      "what x86 will have",
      withInfo({ arch_x86: { more: 1 } }),
      /^CONFIG_KEY_UNSUPPORTED b_info.arch_x86.more/,
    ],
    ["a PCI device", { ...saved, pcidevs: [{ dev: 3 }] }, /^CONFIG_KEY_UNSUPPORTED pcidevs/],
    ["a channel", { ...saved, channels: [{ devid: 1 }] }, /^CONFIG_KEY_UNSUPPORTED channels/],
    ["a drive without a medium", withDisk({ format: "empty" }), /^CONFIG_KEY_UNSUPPORTED disk.*medium/],
    ["a driver domain", withDisk({ backend_domid: 3 }), /^CONFIG_KEY_UNSUPPORTED disks\[0\].backend_domid/],
    ["an emulated card", withNic({ nictype: "vif_ioemu" }), /^CONFIG_INVALID vif/],
    ["a routed interface", withNic({ gatewaydev: "eth0" }), /^CONFIG_KEY_UNSUPPORTED nics\[0\].gatewaydev/],
    ["a name that is none", { ...saved, c_info: { ...saved.c_info, name: "a/b" } }, /^CONFIG_INVALID name/],
    ["more memory than any", withInfo({ target_memkb: 2 ** 50 }), /^CONFIG_INVALID memory/],
    ["an action of tomorrow", { ...saved, on_crash: "phone_home" }, /^CONFIG_INVALID on_crash/],
  ])("%s", (_what, document, sentence) => {
    expect(refusal(document)).toMatch(sentence);
  });
});
