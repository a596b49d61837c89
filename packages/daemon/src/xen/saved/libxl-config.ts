import {
  commandLine,
  cpusOfList,
  type DiskConfig,
  type EndAction,
  type GuestConfig,
  parseRate,
  type VifConfig,
} from "@pvh/builder";

const KIB_PER_MIB = 1024;
const DEFAULT_BRIDGE = "xenbr0";
/** Of a host at most, for the sets of CPUs; libxl leaves out those that its host has not. */
const MAX_CPUS = 1024;

/** libxl's words for the actions (libxl_types.idl). */
export const LIBXL_ACTIONS: Readonly<Record<EndAction, string>> = {
  destroy: "destroy",
  restart: "restart",
  "rename-restart": "restart_rename",
  preserve: "preserve",
  "coredump-destroy": "coredump_destroy",
  "coredump-restart": "coredump_restart",
  "soft-reset": "soft_reset",
};

export const END_EVENTS = ["on_poweroff", "on_reboot", "on_watchdog", "on_crash", "on_soft_reset"] as const;

/**
 * A guest's config as libxl's own in JSON (libxl_domain_config of libxl_types.idl). By it `xl restore` takes a saved domain,
 * and `xl list -l`, `xl mem-set` and `xl block-attach` know one that runs. What is left out has libxl's default.
 */
export function libxlConfig(
  config: GuestConfig,
  { uuid, msrRelaxed = false }: { uuid: string; msrRelaxed?: boolean | undefined },
): object {
  const {
    name,
    memory,
    maxmem = memory,
    vcpus,
    maxvcpus = vcpus,
    pool,
    on_soft_reset = "soft-reset",
  } = config;
  const cmdline = commandLine(config);
  const actions = { ...config, on_soft_reset };
  return {
    c_info: { type: "pvh", name, uuid, ...given({ pool_name: pool }) },
    b_info: {
      max_vcpus: maxvcpus,
      avail_vcpus: Array.from({ length: vcpus }, (_, vcpu) => vcpu),
      ...affinities(config, maxvcpus),
      max_memkb: maxmem * KIB_PER_MIB,
      target_memkb: memory * KIB_PER_MIB,
      // Its formula for hardware-assisted paging.
      shadow_memkb: 4 * (256 * maxvcpus + maxmem),
      max_grant_frames: config.max_grant_frames,
      max_maptrack_frames: config.max_maptrack_frames,
      ...given({ max_grant_version: config.max_grant_version }),
      sched_params: given({ weight: config.cpu_weight, cap: config.cap }),
      event_channels: config.max_event_channels,
      ...given({ device_model: config.device_model_override }),
      kernel: config.kernel,
      ...given({ cmdline: cmdline === "" ? undefined : cmdline, ramdisk: config.ramdisk }),
      "type.pvh": {},
      // When it is not there libxl takes the domain for one of an old Xen.
      arch_x86: { msr_relaxed: msrRelaxed ? "True" : "False" },
    },
    disks: config.disk.map(libxlDisk),
    nics: config.vif.map(libxlNic),
    ...Object.fromEntries(END_EVENTS.map((event) => [event, LIBXL_ACTIONS[actions[event]]])),
  };
}

function affinities({ cpus, cpus_soft }: GuestConfig, vcpus: number): object {
  const each = (texts: string | readonly string[] | undefined) => {
    if (texts === undefined) return undefined;
    const list = typeof texts === "string" ? Array.from({ length: vcpus }, () => texts) : texts;
    const sets = list.map((text) => [...cpusOfList(text, MAX_CPUS)]);
    return sets.every(({ length }) => length === MAX_CPUS) ? undefined : sets;
  };
  return given({ vcpu_hard_affinity: each(cpus), vcpu_soft_affinity: each(cpus_soft) });
}

function libxlDisk(disk: DiskConfig): object {
  return {
    pdev_path: disk.target,
    vdev: disk.vdev,
    format: disk.format,
    ...given({ backend: disk.backendtype }),
    readwrite: disk.access === "w" ? 1 : 0,
    ...(disk.devtype === "cdrom" ? { is_cdrom: 1, removable: 1 } : {}),
    ...(disk.direct_io_safe ? { direct_io_safe: true } : {}),
    ...(disk.discard ? {} : { discard_enable: "False" }),
    ...(disk.trusted ? {} : { trusted: "False" }),
  };
}

function libxlNic(vif: VifConfig): object {
  const rate = vif.rate === undefined ? undefined : parseRate(vif.rate);
  return {
    ...given({ devid: vif.devid, mtu: vif.mtu, mac: vif.mac, ip: vif.ip, ifname: vif.vifname }),
    bridge: vif.bridge ?? DEFAULT_BRIDGE,
    nictype: "vif",
    ...given({ rate_bytes_per_interval: rate?.bytes, rate_interval_usecs: rate?.microseconds }),
    ...(vif.trusted === false ? { trusted: "False" } : {}),
  };
}

/** What is there of it. */
function given(values: Record<string, unknown>): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
