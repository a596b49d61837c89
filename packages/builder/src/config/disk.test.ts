import type { ErrorCode } from "@pvh/errors";
import { describe, expect, test } from "vitest";
import { errorOf } from "./config.testing.ts";
import { type DiskConfig, parseDisk } from "./disk.ts";
import { validateGuestConfig } from "./validate.ts";

const defaults: DiskConfig = {
  target: "/a",
  format: "raw",
  vdev: "xvda",
  access: "w",
  devtype: "disk",
  discard: true,
  direct_io_safe: false,
  trusted: true,
};

describe("a text in xl's syntax", () => {
  test.each<[string, Partial<DiskConfig>]>([
    // The examples of xl-disk-configuration(5).
    ["/dev/vg/guest-volume,,hda", { target: "/dev/vg/guest-volume", vdev: "hda" }],
    ["/dev/vg/guest-volume,raw,hda,rw", { target: "/dev/vg/guest-volume", vdev: "hda" }],
    [
      "format=raw, vdev=hda, access=rw, target=/dev/vg/guest-volume",
      { target: "/dev/vg/guest-volume", vdev: "hda" },
    ],
    ["raw:/dev/vg/guest-volume,hda,w", { target: "/dev/vg/guest-volume", vdev: "hda" }],
    ["/root/image.iso,,hdc,cdrom", { target: "/root/image.iso", vdev: "hdc", access: "r", devtype: "cdrom" }],
    [
      "/root/image.iso,,hdc,,cdrom",
      { target: "/root/image.iso", vdev: "hdc", access: "r", devtype: "cdrom" },
    ],
    [
      "/root/image.iso,raw,hdc,devtype=cdrom",
      { target: "/root/image.iso", vdev: "hdc", access: "r", devtype: "cdrom" },
    ],
    [
      "format=raw, vdev=hdc, access=ro, devtype=cdrom, target=/root/image.iso",
      { target: "/root/image.iso", vdev: "hdc", access: "r", devtype: "cdrom" },
    ],
    [
      "raw:/root/image.iso,hdc:cdrom,ro",
      { target: "/root/image.iso", vdev: "hdc", access: "r", devtype: "cdrom" },
    ],
    // Values without names take the places that are left.
    ["/a,raw,xvda,r", { access: "r" }],
    ["/a,raw,xvda,ro", { access: "r" }],
    ["vdev=xvda,/a", {}],
    ["vdev=xvda,/a,raw,ro", { access: "r" }],
    ["format=raw,/a,xvda", {}],
    ["access=r,/a,,xvda", { access: "r" }],
    [
      "no-discard,/a,direct-io-safe,raw,untrusted,xvda",
      { discard: false, direct_io_safe: true, trusted: false },
    ],
    ["/a,raw,xvda,w,discard,trusted,backendtype=phy,specification=xen", {}],
    ["/a,raw,0xca00", { vdev: "0xca00" }],
    // Empty values are the defaults.
    ["format=,/a,access=,xvda", {}],
    [",,xvda,,target=/a", {}],
    ["/a,raw,xvda,", {}],
    // A name lets a target hold anything.
    ["vdev=xvda,target=/a,b=c:d, e ", { target: "/a,b=c:d, e " }],
    ["vdev=xvda,target=file:/a", { target: "file:/a" }],
    ["vdev=xvda,target=/a,", { target: "/a" }],
    ["vdev=xvda,\t \n/a", {}],
    // Prefixes of old.
    ["phy:/a,xvda,w", {}],
    ["file:/a,xvda,r", { access: "r" }],
    ["tap:aio:/a,xvda,w", {}],
    ["tap2:tapdisk:ioemu:/a,xvda:disk", {}],
    ["phy:vg/guest,xvda,w", { target: "vg/guest" }],
    // Formats that QEMU serves; raw images when that is asked for.
    ["/a,qcow2,xvda,w", { format: "qcow2", backendtype: "qdisk" }],
    ["vhd:/a,xvda,r", { format: "vhd", access: "r", backendtype: "qdisk" }],
    ["tap2:qcow:/a,xvda", { format: "qcow", backendtype: "qdisk" }],
    ["/a,qed,xvda,w,backendtype=qdisk", { format: "qed", backendtype: "qdisk" }],
    ["/a,raw,xvda,w,backendtype=qdisk", { backendtype: "qdisk" }],
    ["host:image,,xvda", { target: "host:image" }],
  ])("%j", (text, expected) => {
    const disk = parseDisk(text);
    expect(disk).toEqual({ ...defaults, ...expected });
    // What comes out is a valid object, and means the same.
    expect(parseDisk(disk)).toEqual(disk);
  });
});

describe("an object of options", () => {
  test.each<[object, Partial<DiskConfig>]>([
    [{ target: "/a", vdev: "xvda" }, {}],
    [
      { target: "/a", vdev: "xvda", access: "ro", discard: false },
      { access: "r", discard: false },
    ],
    [{ target: "/a", vdev: "xvda", access: "rw", format: "raw", backendtype: "phy" }, {}],
    [
      { target: "/a", vdev: "xvda", devtype: "cdrom" },
      { access: "r", devtype: "cdrom" },
    ],
    [
      { target: "a,b", vdev: "d1", direct_io_safe: true, trusted: false },
      { target: "a,b", vdev: "d1", direct_io_safe: true, trusted: false },
    ],
  ])("%j", (options, expected) => {
    expect(parseDisk(options)).toEqual({ ...defaults, ...expected });
  });
});

describe("what is refused", () => {
  test.each<[ErrorCode, string, unknown, RegExp]>([
    [
      "CONFIG_KEY_UNSUPPORTED",
      "disk.format",
      "/a,vmdk,xvda",
      /"vmdk", but xl's .* qemu-img convert -O qcow2$/,
    ],
    ["CONFIG_KEY_UNSUPPORTED", "disk.format", { target: "/a", vdev: "xvda", format: "vdi" }, /"vdi", but/],
    ["CONFIG_KEY_UNSUPPORTED", "disk.format", "/a,empty,xvda", /a drive without a medium is not/],
    ["CONFIG_INVALID", "disk.format", "/a,Raw,xvda", /format is "Raw"; it must be one of "raw", "qcow", /],
    [
      "CONFIG_INVALID",
      "disk.backendtype",
      "/a,qcow2,xvda,backendtype=phy",
      /"phy", which knows raw images only, but format is "qcow2"; leave backendtype out$/,
    ],
    ["CONFIG_INVALID", "disk.format", "/a,xvda,w", /the order is target, format, vdev, access$/],
    [
      "CONFIG_INVALID",
      "disk.vdev",
      "/a,raw",
      /the option vdev is missing; it must be a virtual device such as xvda/,
    ],
    ["CONFIG_INVALID", "disk.vdev", "/a,raw,/dev/xvda", /without \/dev\/$/],
    ["CONFIG_INVALID", "disk.vdev", { target: "/a", vdev: 51712 }, /vdev is 51712; it must be/],
    ["CONFIG_INVALID", "disk.target", "vdev=xvda", /the option target is missing; it must be the path/],
    ["CONFIG_INVALID", "disk.target", "", /the option target is missing/],
    ["CONFIG_INVALID", "disk.target", `vdev=xvda,target=/${"a".repeat(4095)}`, /1 to 4095 characters/],
    ["CONFIG_INVALID", "disk.target", { target: "a\0b", vdev: "xvda" }, /target is "a\ufffdb"/],
    ["CONFIG_INVALID", "disk.target", "/a=b,raw,xvda", /a target with = in it must come last, as target=/],
    ["CONFIG_INVALID", "disk.target", "vmdk:/a,xvda", /vmdk: is no prefix of a target/],
    ["CONFIG_INVALID", "disk.access", "/a,raw,xvda,wr", /access is "wr"; it must be "w" \(or "rw"\) or "r"/],
    [
      "CONFIG_KEY_UNSUPPORTED",
      "disk.access",
      "/a,raw,xvda,w!",
      /an image that is written to is never shared/,
    ],
    ["CONFIG_KEY_UNSUPPORTED", "disk.access", "/a,raw,xvda,!", /never shared/],
    ["CONFIG_INVALID", "disk.access", "/a,raw,hdc,w,cdrom", /a cdrom is only read; it must be "r"$/],
    ["CONFIG_INVALID", "disk.access", "/a,raw,xvda,w,5", /"5" is one value more than there are places/],
    ["CONFIG_INVALID", "disk.access", "/a,raw,xvda,w,discrad", /did you mean discard\?$/],
    ["CONFIG_KEY_UNSUPPORTED", "disk.target", ",hdc:cdrom,r", /a drive without a medium/],
    ["CONFIG_KEY_UNSUPPORTED", "disk.target", "vdev=hdc,cdrom", /a drive without a medium/],
    [
      "CONFIG_INVALID",
      "disk.devtype",
      "/a,raw,hda:floppy",
      /devtype is "floppy"; it must be "disk" or "cdrom"$/,
    ],
    ["CONFIG_KEY_UNSUPPORTED", "disk.backendtype", "/a,raw,xvda,backendtype=tap", /no blktap/],
    ["CONFIG_INVALID", "disk.backendtype", "/a,raw,xvda,backendtype=x", /it must be "phy" or "qdisk"$/],
    [
      "CONFIG_KEY_UNSUPPORTED",
      "disk.specification",
      "/a,raw,xvda,specification=virtio",
      /not implemented yet/,
    ],
    [
      "CONFIG_KEY_UNSUPPORTED",
      "disk.script",
      "/a,raw,xvda,script=block-x",
      /option script is not supported: no block scripts/,
    ],
    ["CONFIG_KEY_UNSUPPORTED", "disk.script", "iscsi:/a,xvda", /no block scripts are run/],
    [
      "CONFIG_KEY_UNSUPPORTED",
      "disk.script",
      { target: "/a", vdev: "xvda", script: "x" },
      /no block scripts/,
    ],
    ["CONFIG_KEY_UNSUPPORTED", "disk.backend", "/a,raw,xvda,backend=storage", /there are no driver domains/],
    ["CONFIG_KEY_UNSUPPORTED", "disk.colo", "/a,raw,xvda,w,colo", /replication for COLO/],
    ["CONFIG_KEY_UNSUPPORTED", "disk.colo-host", "/a,raw,xvda,colo-host=h", /replication for COLO/],
    ["CONFIG_INVALID", "disk.vdve", "/a,vdve=xvda", /the option "vdve" is unknown; did you mean vdev\?$/],
    [
      "CONFIG_INVALID",
      "disk.Direct",
      { target: "/a", vdev: "xvda", Direct: 1 },
      /known are target, format, vdev/,
    ],
    [
      "CONFIG_INVALID",
      "disk.no-discard",
      { target: "/a", vdev: "xvda", "no-discard": true },
      /did you mean discard\?/,
    ],
    [
      "CONFIG_INVALID",
      "disk.vdev",
      "/a,raw,xvda,vdev=xvdb",
      /vdev is given twice, "xvda" and "xvdb"; keep one/,
    ],
    [
      "CONFIG_INVALID",
      "disk.discard",
      "/a,raw,xvda,discard,no-discard",
      /discard is given twice, on and off/,
    ],
    ["CONFIG_INVALID", "disk.target", "/a,raw,xvda,target=/b", /target is given twice/],
    ["CONFIG_INVALID", "disk", 5, /it is 5; it must be a text as in xl, or an object of options$/],
    ["CONFIG_INVALID", "disk", null, /it is null/],
    ["CONFIG_INVALID", "disk", ["/a,raw,xvda"], /it is a list of 1/],
  ])("%s %s: %j", (code, field, input, message) => {
    const error = errorOf(() => parseDisk(input));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/^disk: /);
    expect(error.details).toMatchObject({ field, found: expect.any(String), allowed: expect.any(String) });
  });

  const guest = (...disk: unknown[]) => validateGuestConfig({ name: "g", type: "pvh", kernel: "/k", disk });

  test("a device twice, however it is named", () => {
    const error = errorOf(() => guest("/a,raw,xvda", { target: "/b", vdev: "xvdb" }, "/c,raw,d0"));
    expect(error.message).toBe('disk[2]: vdev is "d0", the same device 51712 as that of disk[0] ("xvda")');
    expect(error.details.field).toBe("disk[2].vdev");
    expect(() => guest("/a,raw,d536p37", "/b,raw,xvdtq37")).toThrow(/the same device 268572709 as/);
    expect(guest("/a,raw,xvda", "/a,raw,hda", "/a,raw,xvda1").disk).toHaveLength(3);
  });

  test("a wrong option among many is found by its index", () => {
    const error = errorOf(() => guest("/a,raw,xvda", { target: "/b", vdev: "xvdb", acess: "r" }));
    expect(error.message).toMatch(/^disk\[1\]: the option "acess" is unknown; did you mean access\?$/);
    expect(error.details.field).toBe("disk[1].acess");
  });
});
