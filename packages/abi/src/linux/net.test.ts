import { expect, test } from "vitest";
import { type HeaderCheck, headerMismatches, headersMissing } from "../header-check.testing.ts";
import * as net from "./net.ts";

const check: HeaderCheck = {
  includes: [
    "linux/if.h",
    "linux/if_tun.h",
    "linux/if_arp.h",
    "linux/sockios.h",
    "linux/virtio_net.h",
    "sys/ioctl.h",
  ],
  structs: [
    { c: "struct ifreq", codec: net.ifreqFlags },
    { c: "struct ifreq", codec: net.ifreqNumber },
    {
      c: "struct ifreq",
      codec: net.ifreqAddress,
      names: { sa_family: "ifr_hwaddr.sa_family", sa_data: "ifr_hwaddr.sa_data" },
    },
    { c: "struct virtio_net_hdr", codec: net.virtioNetHdr },
  ],
  constants: {
    ...net.tunIoctl,
    ...net.tunFlag,
    ...net.tunOffload,
    ...net.interfaceIoctl,
    IFF_UP: net.IFF_UP,
    ARPHRD_ETHER: net.ARPHRD_ETHER,
    IFNAMSIZ: net.IFNAMSIZ,
    "offsetof(struct ifreq, ifr_mtu)": net.ifreqNumber.fields.ifr_ifindex.offset,
    ...prefixed("VIRTIO_NET_HDR_F_", net.VIRTIO_NET_HDR_F),
    ...prefixed("VIRTIO_NET_HDR_GSO_", net.VIRTIO_NET_HDR_GSO),
  },
};

function prefixed(prefix: string, values: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]));
}

test("TAP and interface structures agree with Linux's headers", (context) => {
  const missing = headersMissing(check, "install linux-libc-dev and a C compiler");
  if (missing !== undefined) context.skip(missing);
  expect(headerMismatches(check)).toEqual([]);
});
