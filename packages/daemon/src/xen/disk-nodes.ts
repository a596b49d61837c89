import { DiskConfig, vdevNumber } from "@pvh/builder";
import type { DeviceNodes } from "@pvh/kvm/xenstore";
import { utf8Text } from "@pvh/xenctl-ffi";

const DISK_SCRIPT = "/etc/xen/scripts/block";

/** A block device that the host's kernel serves. */
export interface ServedDevice {
  path: string;
  rdev: number;
  /** Whether it was made for the disk, of a file. */
  isLoop: boolean;
}

/** What libxl writes for a disk of the host's kernel, and what its script adds. */
export function phyNodes(disk: DiskConfig, { path, rdev, isLoop }: ServedDevice): DeviceNodes {
  const { major, minor } = deviceNumber(rdev);
  return {
    ...common(disk),
    back: {
      params: utf8Text(disk.target),
      // Not run here, but xl runs it to take the device away; a loop device goes by itself.
      script: isLoop ? "/bin/true" : DISK_SCRIPT,
      "physical-device-path": utf8Text(path),
      ...(isLoop ? { node: path } : {}),
      ...backNodes(disk, "phy"),
      "physical-device": `${major.toString(16)}:${minor.toString(16)}`,
      "hotplug-status": "connected",
    },
  };
}

/** What libxl writes for a disk of QEMU. */
export function qdiskNodes(disk: DiskConfig): DeviceNodes {
  return {
    ...common(disk),
    backEnd: "qdisk",
    back: { params: utf8Text(`${disk.format}:${disk.target}`), ...backNodes(disk, "qdisk") },
  };
}

/** The image behind a disk, by its params as text, whoever has written them: they may begin with a format. */
export function imageOf(params: string): Pick<DiskConfig, "target" | "format"> {
  const [prefix = "", word] = /^([a-z0-9]+):(?=\/)/.exec(params) ?? [];
  const format = DiskConfig.shape.format.safeParse(word);
  return { target: params.slice(prefix.length), format: format.success ? format.data : "raw" };
}

function common({ vdev, devtype, trusted }: DiskConfig): Omit<DeviceNodes, "back"> & { kind: "vbd" } {
  const id = vdevNumber(vdev) ?? 0;
  return {
    kind: "vbd",
    id,
    front: { "virtual-device": `${id}`, "device-type": devtype, trusted: trusted ? "1" : "0" },
  };
}

function backNodes(disk: DiskConfig, type: "phy" | "qdisk"): Record<string, string> {
  const { vdev, devtype, access, direct_io_safe, discard } = disk;
  return {
    removable: devtype === "cdrom" ? "1" : "0",
    bootable: "1",
    dev: vdev,
    type,
    mode: access,
    "device-type": devtype,
    ...(direct_io_safe ? { "direct-io-safe": "1" } : {}),
    "discard-enable": discard ? "1" : "0",
    specification: "xen",
  };
}

/** Linux's encoding of a device number in 64 bits. */
function deviceNumber(rdev: number): { major: number; minor: number } {
  const value = BigInt(rdev);
  const major = ((value >> 8n) & 0xfffn) | ((value >> 32n) & ~0xfffn);
  const minor = (value & 0xffn) | ((value >> 12n) & ~0xffn & 0xffffffffn);
  return { major: Number(major), minor: Number(minor) };
}
