import { z } from "zod";
import { type DeviceProblem, deviceOrThrow, invalid, type Parsed, unsupported } from "./device-problem.ts";
import { vdevNumber } from "./vdev.ts";

/** A disk as it is after validation. Names of options are xl's (xl-disk-configuration(5)), with `_` for `-`. */
export const DiskConfig = z.strictObject({
  target: z
    .string()
    .min(1)
    .max(4095)
    .refine((text) => !text.includes("\0") && text.isWellFormed())
    .describe("Path of the image file or block device."),
  vdev: z
    .string()
    .refine((name) => vdevNumber(name) !== undefined)
    .describe("Name of the disk in the guest: xvda, xvdb1, d5p2."),
  format: z.literal("raw").default("raw").describe("Only raw images."),
  access: z.enum(["r", "w"]).default("w").describe("w: the guest may write; r: it may not."),
  discard: z
    .boolean()
    .default(true)
    .describe("Whether the guest may give parts of the image back to the host."),
  direct_io_safe: z
    .boolean()
    .default(false)
    .describe("Past the host's page cache (O_DIRECT); block devices always."),
});
export type DiskConfig = z.output<typeof DiskConfig>;

/** Options while a text is being read. */
interface Reading {
  target?: string;
  format?: string;
  vdev?: string;
  access?: string;
  discard?: boolean;
  direct?: boolean;
  /** A prefix has said the format, which then has no place of its own. */
  prefixed: boolean;
}

const FORMATS = "format=raw (qemu-img convert -O raw makes one)";
const PREFIXES = [
  "raw",
  "aio",
  "file",
  "phy",
  "tap",
  "tap2",
  "tapdisk",
  "ioemu",
  "qcow",
  "qcow2",
  "vhd",
  "qed",
];

/** What options are to xl and what they are here. */
const refusedOptions: Record<string, string> = {
  script: "runs a script of Xen's hotplug system, which does not exist here",
  backend: "names a driver domain, of which there are none here",
  specification: "asks for another kind of device than Xen's",
  transport: "asks for another kind of device than Xen's",
  "colo-host": "belongs to COLO, which does not exist here",
  irq: "belongs to virtio",
  base: "belongs to virtio",
};

/**
 * Reads xl's text of a disk: `target, format, vdev, access`, and `key=value` in between; `target=` takes all the rest.
 */
export function readDisk(text: string): Parsed<DiskConfig> {
  const reading: Reading = { prefixed: false };
  let rest = text.trim();
  while (rest !== "") {
    const whole = /^target\s*=\s*(.*)$/s.exec(rest);
    if (whole !== null) {
      reading.target = whole[1] ?? "";
      break;
    }
    const comma = rest.indexOf(",");
    const word = (comma < 0 ? rest : rest.slice(0, comma)).trim();
    rest = comma < 0 ? "" : rest.slice(comma + 1).trim();
    const problem = takeWord(reading, word);
    if (problem !== undefined) return problem;
  }
  return finish(text, reading);
}

/** The same for one disk from elsewhere than a config. */
export function parseDisk(text: string): DiskConfig {
  return deviceOrThrow("disk", readDisk(text));
}

function takeWord(reading: Reading, word: string): { problem: DeviceProblem } | undefined {
  const option = /^([a-z][a-z-]*)\s*=\s*(.*)$/s.exec(word);
  if (option !== null) return takeOption(reading, option[1] ?? "", option[2] ?? "");
  switch (word) {
    case "discard":
    case "no-discard":
      reading.discard = word === "discard";
      return undefined;
    case "direct-io-safe":
      reading.direct = true;
      return undefined;
    case "removable":
      return undefined;
    case "cdrom":
      return unsupported(
        "cdrom",
        "is a drive with exchangeable media, which PVH guests do not have",
        "a disk with access=r",
      );
  }
  takePositional(reading, word);
  return undefined;
}

function takePositional(reading: Reading, word: string): void {
  if (reading.target === undefined) {
    let target = word;
    for (;;) {
      const [, prefix = "", path = ""] = /^([a-z0-9]+):(.*)$/s.exec(target) ?? [];
      if (!PREFIXES.includes(prefix)) break;
      if (["qcow", "qcow2", "vhd", "qed"].includes(prefix)) reading.format = prefix;
      reading.prefixed = true;
      target = path;
    }
    reading.target = target;
  } else if (!reading.prefixed && reading.format === undefined) {
    reading.format = word;
  } else if (reading.vdev === undefined) {
    reading.vdev = word;
  } else {
    reading.access ??= word;
  }
}

function takeOption(reading: Reading, key: string, value: string): { problem: DeviceProblem } | undefined {
  const why = refusedOptions[key];
  if (why !== undefined) return unsupported(`${key}=`, why, "a disk without it");
  switch (key) {
    case "format":
    case "vdev":
    case "access":
      reading[key] = value;
      return undefined;
    case "backendtype":
      if (value === "phy") return undefined;
      return unsupported(
        `backendtype=${value}`,
        "is another program's back end",
        "backendtype=phy, or leave it out",
      );
    case "devtype":
      if (value === "disk") return undefined;
      return unsupported(`devtype=${value}`, "is not for PVH guests", "devtype=disk, or leave it out");
    case "trusted":
      return undefined;
    default:
      return invalid(
        key,
        "an option of a disk",
        "target, format, vdev, access, backendtype, discard or direct-io-safe",
      );
  }
}

const READ_ONLY = ["r", "ro"];
const READ_WRITE = ["w", "rw"];

function finish(text: string, reading: Reading): Parsed<DiskConfig> {
  const { target = "", format = "", vdev = "", access = "" } = reading;
  if (target === "") return invalid(text, "the target of a disk", "the path of an image or block device");
  if (format !== "" && format !== "raw") {
    const known = ["qcow", "qcow2", "qed", "vhd", "vdi", "empty"].includes(format);
    if (!known) return invalid(format, "the format of a disk", '"raw"');
    return unsupported(format, "images are not read here", FORMATS);
  }
  if (vdevNumber(vdev) === undefined) return invalid(vdev, "the vdev of a disk", "a name like xvda");
  if (access !== "" && ![...READ_ONLY, ...READ_WRITE, "!", "w!"].includes(access)) {
    return invalid(access, "the access of a disk", "r, ro, w or rw");
  }
  const device = {
    target,
    vdev,
    format: "raw" as const,
    access: READ_ONLY.includes(access) ? ("r" as const) : ("w" as const),
    discard: reading.discard ?? true,
    direct_io_safe: reading.direct ?? false,
  };
  const parsed = DiskConfig.safeParse(device);
  return parsed.success
    ? { device: parsed.data }
    : invalid(target, "the target of a disk", "a path without NUL");
}
