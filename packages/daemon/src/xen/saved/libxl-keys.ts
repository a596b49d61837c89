import { PvhError, shown } from "@pvh/errors";

/**
 * Parts of libxl's config (libxl_types.idl): what is read of each, and what has no meaning for a domain that is restored
 * here, because the stream has it, because it is about a fresh start, or because there is one way only.
 */
const parts = {
  "": {
    read: [
      "c_info",
      "b_info",
      "disks",
      "nics",
      "on_poweroff",
      "on_reboot",
      "on_watchdog",
      "on_crash",
      "on_soft_reset",
    ],
    ignored: [],
  },
  c_info: {
    read: ["type", "name", "uuid", "pool_name"],
    ignored: ["domid", "run_hotplug_scripts", "hap", "oos"],
  },
  b_info: {
    read: [
      ...["max_vcpus", "avail_vcpus", "vcpu_hard_affinity", "vcpu_soft_affinity", "sched_params"],
      ...["max_memkb", "target_memkb", "max_grant_frames", "max_maptrack_frames", "max_grant_version"],
      ...["event_channels", "kernel", "cmdline", "ramdisk", "arch_x86"],
    ],
    ignored: [
      ...["video_memkb", "shadow_memkb", "iommu_memkb", "claim_mode", "numa_placement", "nodemap", "cpumap"],
      ...["tsc_mode", "timer_mode", "rtc_timeoffset", "localtime", "acpi", "apic", "disable_migrate"],
      // The program behind its disks is the host's affair, and a file must not name one that pvhd runs.
      ...["device_model_version", "device_model", "blkdev_start"],
    ],
  },
  "b_info.arch_x86": { read: ["msr_relaxed"], ignored: [] },
  "b_info.sched_params": { read: ["weight", "cap"], ignored: ["sched"] },
  disks: {
    read: [
      ...["pdev_path", "vdev", "backend", "format", "script", "readwrite", "is_cdrom", "direct_io_safe"],
      ...["discard_enable", "specification", "trusted"],
    ],
    ignored: ["removable"],
  },
  nics: {
    read: [
      ...["devid", "mtu", "mac", "ip", "bridge", "ifname", "script", "nictype", "trusted"],
      ...["rate_bytes_per_interval", "rate_interval_usecs"],
    ],
    ignored: ["model"],
  },
} as const satisfies Record<string, { read: readonly string[]; ignored: readonly string[] }>;

export type LibxlPart = keyof typeof parts;

/**
 * Refuses what the config asks for that is not there: a domain must not go on without something that it had.
 *
 * @param path of the part, for the message: `disks[0]`
 * @throws PvhError CONFIG_KEY_UNSUPPORTED
 */
export function refuseUnread(part: LibxlPart, path: string, values: Readonly<Record<string, unknown>>): void {
  const { read, ignored } = parts[part];
  const known: ReadonlySet<string> = new Set([...read, ...ignored]);
  for (const [key, value] of Object.entries(values)) {
    if (known.has(key) || isNeutral(value)) continue;
    const field = path === "" ? key : `${path}.${key}`;
    throw new PvhError(
      "CONFIG_KEY_UNSUPPORTED",
      `The saved domain has ${shown(field).slice(1, -1)}, which is not implemented here; xl restore may restore it.`,
      { field: shown(field).slice(1, -1), found: shown(value) },
    );
  }
}

/** What libxl writes for nothing, no, and its own default. */
function isNeutral(value: unknown): boolean {
  if (value === null || value === undefined) return true;
  if (typeof value === "object") return Object.values(value).every(isNeutral);
  return value === 0 || value === false || value === "" || value === "False" || value === "<default>";
}
