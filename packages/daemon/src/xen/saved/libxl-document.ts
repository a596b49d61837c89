import { PvhError } from "@pvh/errors";
import { z } from "zod";
import { type LibxlPart, refuseUnread } from "./libxl-keys.ts";
import { notSaved } from "./problems.ts";

/** libxl_defbool, and what its JSON has for a bool. */
const Flag = z.union([z.boolean(), z.enum(["True", "False", "<default>"])]);
const Bitmap = z.array(z.int().min(0));

const Disk = z.looseObject({
  pdev_path: z.string(),
  vdev: z.string(),
  backend: z.string().optional(),
  format: z.string().default("raw"),
  script: z.string().optional(),
  readwrite: z.int().default(0),
  is_cdrom: z.int().default(0),
  direct_io_safe: Flag.optional(),
  discard_enable: Flag.optional(),
  specification: z.string().optional(),
  trusted: Flag.optional(),
});

const Nic = z.looseObject({
  devid: z.int().optional(),
  mtu: z.int().optional(),
  mac: z.string().optional(),
  ip: z.string().optional(),
  bridge: z.string().optional(),
  ifname: z.string().optional(),
  script: z.string().optional(),
  nictype: z.string().optional(),
  trusted: Flag.optional(),
  rate_bytes_per_interval: z.int().min(0).default(0),
  rate_interval_usecs: z.int().min(0).default(0),
});

/** The parts of a libxl_domain_config that are read, in its own JSON, where a default is left out. */
const LibxlDocument = z.looseObject({
  c_info: z.looseObject({
    type: z.string(),
    name: z.string(),
    uuid: z.string(),
    pool_name: z.string().optional(),
  }),
  b_info: z.looseObject({
    max_vcpus: z.int().default(1),
    avail_vcpus: Bitmap.default([]),
    vcpu_hard_affinity: z.array(Bitmap).optional(),
    vcpu_soft_affinity: z.array(Bitmap).optional(),
    sched_params: z.looseObject({ weight: z.int().optional(), cap: z.int().optional() }).default({}),
    max_memkb: z.int().min(0).optional(),
    target_memkb: z.int().min(1),
    max_grant_frames: z.int().optional(),
    max_maptrack_frames: z.int().optional(),
    max_grant_version: z.int().optional(),
    event_channels: z.int().optional(),
    kernel: z.string().optional(),
    cmdline: z.string().optional(),
    ramdisk: z.string().optional(),
    arch_x86: z.looseObject({ msr_relaxed: Flag.optional() }).default({}),
  }),
  disks: z.array(Disk).default([]),
  nics: z.array(Nic).default([]),
  on_poweroff: z.string().optional(),
  on_reboot: z.string().optional(),
  on_watchdog: z.string().optional(),
  on_crash: z.string().optional(),
  on_soft_reset: z.string().optional(),
});
export type LibxlDocument = z.output<typeof LibxlDocument>;
export type LibxlDisk = z.output<typeof Disk>;
export type LibxlNic = z.output<typeof Nic>;

/**
 * Reads libxl's config of a PVH domain.
 *
 * @throws PvhError SAVED_FORMAT, or CONFIG_KEY_UNSUPPORTED for what a domain of pvhd cannot have
 */
export function readLibxlDocument(text: string): LibxlDocument {
  const result = LibxlDocument.safeParse(parsed(text));
  if (!result.success) {
    const [issue] = result.error.issues;
    const field = issue?.path.join(".") ?? "";
    throw notSaved(`has a config that libxl would not write: ${field === "" ? "it" : field} is wrong`, {
      ...(field === "" ? {} : { field }),
      cause: result.error,
    });
  }
  const document = result.data;
  const { type } = document.c_info;
  if (type !== "pvh") {
    throw new PvhError(
      "CONFIG_KEY_UNSUPPORTED",
      `The saved domain is a ${JSON.stringify(type)} guest, and only PVH guests are restored here; use xl restore.`,
      { field: "c_info.type", found: type, allowed: "pvh" },
    );
  }
  refuseUnreadParts(document);
  return document;
}

function refuseUnreadParts(document: LibxlDocument): void {
  const { c_info, b_info, disks, nics } = document;
  const list: [LibxlPart, string, Record<string, unknown>][] = [
    ["", "", document],
    ["c_info", "c_info", c_info],
    ["b_info", "b_info", b_info],
    ["b_info.sched_params", "b_info.sched_params", b_info.sched_params],
    ["b_info.arch_x86", "b_info.arch_x86", b_info.arch_x86],
  ];
  for (const [part, path, values] of list) refuseUnread(part, path, values);
  for (const [index, disk] of disks.entries()) refuseUnread("disks", `disks[${index}]`, disk);
  for (const [index, nic] of nics.entries()) refuseUnread("nics", `nics[${index}]`, nic);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw notSaved("has a config that is not JSON", { cause });
  }
}
