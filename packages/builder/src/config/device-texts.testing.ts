import fc from "fast-check";

const piece = fc.oneof(
  fc.constantFrom(
    "/a",
    "/dev/x",
    "vg/y",
    "a",
    "raw",
    "qcow2",
    "vhd",
    "xvda",
    "hda",
    "hdc:cdrom",
    "xvdb:disk",
  ),
  fc.constantFrom("d0p1", "w", "rw", "r", "ro", "", " ", "!", "=", "a=b/c", "x=y", "foo=bar"),
  fc.constantFrom(
    "format=raw",
    "format=",
    "vdev=xvda",
    "vdev=",
    "access=ro",
    "access=",
    "target=/z,w,  ",
    "target=",
  ),
  fc.constantFrom(
    "devtype=cdrom",
    "devtype=disk",
    "cdrom",
    "discard",
    "no-discard",
    "direct-io-safe",
    "colo",
  ),
  fc.constantFrom("backendtype=phy", "specification=xen", "script=x", "script=vif-bridge", "backend=0"),
  fc.constantFrom(
    "phy:",
    "file:",
    "raw:",
    "aio:/a",
    "tap:aio:/a",
    "tap2:qcow2:/a",
    "iscsi:",
    "foo:/a",
    "foo:",
    "foo:a",
  ),
  fc.constantFrom(
    "mac=2:0:0:0:0:1",
    "bridge=br0",
    "mtu=1500",
    "devid=3",
    "rate=1Mb/s",
    "ip=10.0.0.1",
    "type=vif",
  ),
  fc.string({ maxLength: 3 }),
);

/** Texts made of what devices' texts are made of: far more of them get past the first option than of random ones. */
export const deviceText = fc
  .array(fc.tuple(fc.constantFrom("", "", " ", "\t"), piece), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.map(([blank, text]) => blank + text).join(","));
