import { PvhError } from "@pvh/errors";
import type { DiskConfig } from "./disk.ts";
import { type EndAction, endActions, type GuestConfig } from "./guest-config.ts";
import { shown } from "./shown.ts";

export const backendNames = ["kvm", "xen"] as const;
export type BackendName = (typeof backendNames)[number];

/** Keys, or some values of theirs, that a backend does not implement although another one does. */
export interface BackendRule {
  readonly refusedBy: BackendName;
  readonly keys: readonly (keyof GuestConfig)[];
  /** Absent: all values. */
  readonly values?: readonly (string | number)[];
  /** Completes "the kvm backend ...". */
  readonly why: string;
  readonly instead: string;
}

/** What a backend can that keeps nothing of a domain which has ended. */
const plainActions: readonly EndAction[] = ["destroy", "restart"];

export const backendRules: readonly BackendRule[] = [
  {
    refusedBy: "kvm",
    keys: ["cpus", "cpus_soft", "pool", "cpu_weight", "cap"],
    why: "leaves processor time to the host's scheduler",
    instead: "leave it out",
  },
  {
    refusedBy: "kvm",
    keys: ["on_poweroff", "on_reboot", "on_watchdog", "on_crash", "on_soft_reset"],
    values: endActions.filter((action) => !plainActions.includes(action)),
    why: "keeps nothing of a domain that has ended",
    instead: 'set it to "destroy" or "restart"',
  },
  {
    refusedBy: "kvm",
    keys: ["max_grant_version"],
    values: [2],
    why: "does not implement version 2 of grant tables",
    instead: "set it to 1",
  },
  {
    refusedBy: "kvm",
    keys: ["device_model_override"],
    why: "has no QEMU behind its guests",
    instead: "leave it out",
  },
  {
    refusedBy: "xen",
    keys: ["platform"],
    values: ["bare"],
    why: "gives every domain Xen's interfaces",
    instead: 'set it to "xen" or "auto"',
  },
];

/**
 * Refuses a disk that this backend cannot serve.
 *
 * @param field how messages call the disk
 * @throws PvhError CONFIG_KEY_UNSUPPORTED
 */
export function refuseForeignDisk(disk: DiskConfig, backend: string, field = "disk"): void {
  if (backend !== "kvm" || disk.backendtype === undefined) return;
  const [option, instead] =
    disk.format === "raw"
      ? (["backendtype", "leave it out"] as const)
      : (["format", "convert the image with qemu-img convert -O raw"] as const);
  const found = shown(disk[option]);
  throw new PvhError(
    "CONFIG_KEY_UNSUPPORTED",
    `${field}: ${option} is ${found}, but the ${backend} backend serves raw images itself and nothing else; ${instead}.`,
    { field: `${field}.${option}`, found, allowed: option === "format" ? '"raw"' : instead },
  );
}

/**
 * Refuses a config that asks for what this backend cannot do.
 *
 * @param backend one that the rules do not name takes everything
 * @throws PvhError CONFIG_KEY_UNSUPPORTED
 */
export function refuseForeignKeys(config: GuestConfig, backend: string): void {
  for (const { refusedBy, keys, values, why, instead } of backendRules) {
    if (refusedBy !== backend) continue;
    for (const key of keys) {
      const value = config[key];
      if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
      if (values !== undefined && !values.some((one) => one === value)) continue;
      throw new PvhError(
        "CONFIG_KEY_UNSUPPORTED",
        `${key} is ${shown(value)}, but the ${backend} backend ${why}; ${instead}.`,
        { field: key, found: shown(value), allowed: instead },
      );
    }
  }
  for (const [index, disk] of config.disk.entries()) refuseForeignDisk(disk, backend, `disk[${index}]`);
}
