import { z } from "zod";
import { type DeviceKind, decodeDevices, type Report, requireDevice } from "./device.ts";
import { readDiskText } from "./disk-text.ts";
import { describedKeys, key, MAX_PATH, refuse, text } from "./key.ts";
import { shown } from "./shown.ts";
import { vdevNumber } from "./vdev.ts";

/** More than any guest has letters for. */
export const MAX_DISKS = 128;

/** xl's formats of images. */
const imageFormats = ["raw", "qcow", "qcow2", "qed", "vhd"] as const;
const FORMATS_ALLOWED = imageFormats.map((format) => `"${format}"`).join(", ");

const isImageFormat = (word: string): boolean => imageFormats.some((format) => format === word);

/** What is asked for elsewhere, or is not there, and what to do about it. */
const otherFormats: Readonly<Record<string, string>> = {
  vdi: "xl's back ends have no such format; convert the image with qemu-img convert -O qcow2",
  vmdk: "xl's back ends have no such format; convert the image with qemu-img convert -O qcow2",
  empty: "a drive without a medium is not implemented yet",
};
const backEnds = ["phy", "qdisk"] as const;
const BACK_ENDS_ALLOWED = '"phy" or "qdisk"';

const isBackEnd = (word: string): boolean => backEnds.some((backEnd) => backEnd === word);

const otherBackEnds: Readonly<Record<string, string>> = {
  tap: "there is no blktap behind a guest here",
  standalone: "there are only Xen's block devices here, no virtio ones",
};

const readOnly = ["r", "ro"];
const writable = ["w", "rw"];

const shape = {
  target: key(text(1, MAX_PATH), {
    type: "string",
    meaning:
      "Image file or block device. In a text: the first value, or last as `target=...`, which takes the rest of the text, commas too.",
    allowed: `the path of an image file or block device, 1 to ${MAX_PATH} characters`,
  }),
  format: key(
    z
      .string()
      .default("raw")
      .superRefine((value, ctx) => {
        if (isImageFormat(value)) return;
        const why = Object.hasOwn(otherFormats, value) ? otherFormats[value] : undefined;
        const misplaced =
          vdevNumber(value) === undefined ? "" : "; the order is target, format, vdev, access";
        const sentence =
          why === undefined
            ? `format is ${shown(value)}; it must be one of ${FORMATS_ALLOWED}${misplaced}`
            : `format is ${shown(value)}, but ${why}`;
        const code = why === undefined ? "CONFIG_INVALID" : "CONFIG_KEY_UNSUPPORTED";
        refuse(ctx, [], sentence, { code, allowed: FORMATS_ALLOWED });
      })
      .pipe(z.enum(imageFormats))
      .meta({ enum: [...imageFormats] }),
    {
      type: "string",
      meaning: "Format of the image. Only QEMU serves those other than raw, on Xen hosts.",
      allowed: FORMATS_ALLOWED,
      values: imageFormats,
    },
  ),
  vdev: key(
    z.string().refine((value) => vdevNumber(value) !== undefined),
    {
      type: "string",
      meaning: "The virtual device by which the guest knows the disk.",
      allowed:
        "a virtual device such as xvda, xvdb1, d0p1, sda, hdc (hda to hdd, sda to sdp) or its number, without /dev/",
    },
  ),
  access: key(
    z
      .string()
      .optional()
      .superRefine((value, ctx) => {
        if (value === undefined || readOnly.includes(value) || writable.includes(value)) return;
        const forced = /^(?:rw?|w)?!$/.test(value);
        refuse(
          ctx,
          [],
          forced
            ? `access is ${shown(value)}, but an image that is written to is never shared; it must be "w" or "r"`
            : `access is ${shown(value)}; it must be "w" (or "rw") or "r" (or "ro")`,
          { code: forced ? "CONFIG_KEY_UNSUPPORTED" : "CONFIG_INVALID", allowed: '"w", "rw", "r" or "ro"' },
        );
      })
      .meta({ enum: [...writable, ...readOnly] }),
    {
      type: "string",
      meaning: "Whether the guest may write.",
      allowed: '"w" (or "rw") or "r" (or "ro")',
      values: [...writable, ...readOnly],
      absent: '`"w"`; `"r"` for `cdrom`',
    },
  ),
  devtype: key(z.enum(["disk", "cdrom"]).default("disk"), {
    type: "string",
    meaning: "`cdrom` is a disk that cannot be written and says so. In a text also the flag `cdrom`.",
    allowed: '"disk" or "cdrom"',
    values: ["disk", "cdrom"],
  }),
  discard: key(z.boolean().default(true), {
    type: "boolean",
    meaning:
      "Whether the guest may give blocks back to the host, which makes holes in a file. In a text the flags `discard` and `no-discard`.",
    allowed: "true or false",
  }),
  direct_io_safe: key(z.boolean().default(false), {
    type: "boolean",
    meaning:
      "Whether an image file is read and written past the host's cache. In a text the flag `direct-io-safe`.",
    allowed: "true or false",
  }),
  trusted: key(z.boolean().default(true), {
    type: "boolean",
    meaning: "What the guest is told about its back end. In a text the flags `trusted` and `untrusted`.",
    allowed: "true or false",
  }),
  backendtype: key(
    z
      .string()
      .optional()
      .superRefine((value, ctx) => {
        if (value === undefined || isBackEnd(value)) return;
        const why = Object.hasOwn(otherBackEnds, value) ? otherBackEnds[value] : undefined;
        const sentence =
          why === undefined
            ? `backendtype is ${shown(value)}; it must be ${BACK_ENDS_ALLOWED}`
            : `backendtype is ${shown(value)}, but ${why}; leave it out`;
        const code = why === undefined ? "CONFIG_INVALID" : "CONFIG_KEY_UNSUPPORTED";
        refuse(ctx, [], sentence, { code, allowed: BACK_ENDS_ALLOWED });
      })
      .meta({ enum: [...backEnds] }),
    {
      type: "string",
      meaning:
        "Kind of back end: `phy` is the host's kernel, or the VMM on KVM; `qdisk` is QEMU, on Xen hosts.",
      allowed: BACK_ENDS_ALLOWED,
      values: backEnds,
      absent: '`"phy"` for raw images, else `"qdisk"`',
    },
  ),
  specification: key(
    z
      .string()
      .optional()
      .superRefine((value, ctx) => {
        if (value === undefined || value === "xen") return;
        const virtio = value === "virtio";
        refuse(
          ctx,
          [],
          virtio
            ? 'specification is "virtio", but disks of that kind are not implemented yet; leave it out'
            : `specification is ${shown(value)}; it must be "xen"`,
          { code: virtio ? "CONFIG_KEY_UNSUPPORTED" : "CONFIG_INVALID", allowed: '"xen"' },
        );
      })
      .meta({ enum: ["xen"] }),
    {
      type: "string",
      meaning: "Protocol between guest and back end.",
      allowed: '"xen"',
      values: ["xen"],
      absent: "the one that there is",
    },
  ),
};

/** A disk as a client may write it. */
export const DiskOptions = z
  .strictObject(shape)
  .superRefine(({ devtype, access, format, backendtype }, ctx) => {
    if (devtype === "cdrom" && access !== undefined && !readOnly.includes(access)) {
      refuse(ctx, ["access"], `access is ${shown(access)}, but a cdrom is only read; it must be "r"`, {
        code: "CONFIG_INVALID",
        allowed: '"r"',
      });
    }
    if (backendtype === "phy" && format !== "raw") {
      const sentence = `backendtype is "phy", which knows raw images only, but format is ${shown(format)}; leave backendtype out`;
      refuse(ctx, ["backendtype"], sentence, { code: "CONFIG_INVALID", allowed: '"qdisk"' });
    }
  });

/** A disk of a guest, complete. */
export const DiskConfig = z.strictObject({
  target: shape.target,
  format: z.enum(imageFormats),
  vdev: shape.vdev,
  access: z.enum(["r", "w"]),
  devtype: z.enum(["disk", "cdrom"]),
  discard: z.boolean(),
  direct_io_safe: z.boolean(),
  trusted: z.boolean(),
  /** Present when QEMU is to serve it. */
  backendtype: z.literal("qdisk").exactOptional(),
});
export type DiskConfig = z.output<typeof DiskConfig>;

const replication = "replication for COLO is not implemented; leave it out";
const virtio = "only virtio devices have it, and disks are Xen's here; leave it out";

export const diskKind: DeviceKind<typeof DiskOptions> = {
  name: "disk",
  options: DiskOptions,
  keys: describedKeys(shape),
  foreign: {
    script: "no block scripts are run; attach the file or block device itself",
    backend: "every back end is in the guest's own process, there are no driver domains; leave it out",
    colo: replication,
    "no-colo": replication,
    "colo-host": replication,
    "colo-port": replication,
    "colo-export": replication,
    "active-disk": replication,
    "hidden-disk": replication,
    grant_usage: virtio,
    transport: virtio,
  },
  readText: readDiskText,
};

/**
 * One disk, in xl's syntax or as an object of options.
 *
 * @throws PvhError CONFIG_INVALID or CONFIG_KEY_UNSUPPORTED, with field `disk` or `disk.OPTION`
 */
export function parseDisk(input: unknown): DiskConfig {
  return complete(requireDevice(diskKind, input));
}

function complete(options: z.output<typeof DiskOptions>): DiskConfig {
  const {
    target,
    format,
    vdev,
    devtype,
    access = devtype === "cdrom" ? "r" : "w",
    discard,
    direct_io_safe,
    trusted,
    backendtype = format === "raw" ? "phy" : "qdisk",
  } = options;
  return {
    target,
    format,
    vdev,
    access: readOnly.includes(access) ? "r" : "w",
    devtype,
    discard,
    direct_io_safe,
    trusted,
    ...(backendtype === "qdisk" ? { backendtype } : {}),
  };
}

const forms = z.union([z.string(), DiskOptions]);

/** The schema of `disk`. */
export const diskList = z.codec(z.array(forms).max(MAX_DISKS), z.array(DiskConfig), {
  decode: decodeDevices(diskKind, (disks, report) => {
    refuseSameDevice(
      disks.map(({ vdev }) => vdev),
      report,
    );
    return disks.map(complete);
  }),
  encode: (disks) => disks,
});

function refuseSameDevice(vdevs: string[], report: Report): void {
  const holders = new Map<number | undefined, number>();
  for (const [index, vdev] of vdevs.entries()) {
    const number = vdevNumber(vdev);
    const holder = holders.get(number);
    holders.set(number, holder ?? index);
    if (holder === undefined) continue;
    const other = vdevs[holder] === vdev ? "" : ` (${shown(vdevs[holder])})`;
    report(
      index,
      "vdev",
      `vdev is ${shown(vdev)}, the same device ${number} as that of disk[${holder}]${other}`,
      {
        code: "CONFIG_INVALID",
        allowed: "another device for each disk",
      },
    );
  }
}
