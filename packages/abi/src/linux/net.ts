import { bytes, cstring, s16, struct, u8, u16, u32 } from "../struct.ts";

/**
 * Linux's interface to TAP devices and network interfaces: linux/if_tun.h, linux/virtio_net.h, linux/if.h and
 * linux/sockios.h.
 */

const TUN_TYPE = 0x54;
const iow = (nr: number, size: number) => ((1 << 30) | (size << 16) | (TUN_TYPE << 8) | nr) >>> 0;
const ior = (nr: number, size: number) => ((2 << 30) | (size << 16) | (TUN_TYPE << 8) | nr) >>> 0;

/** ioctls on an open /dev/net/tun. */
export const tunIoctl = {
  TUNSETIFF: iow(202, 4),
  TUNGETFEATURES: ior(207, 4),
  TUNSETOFFLOAD: iow(208, 4),
  TUNSETVNETHDRSZ: iow(216, 4),
  TUNSETCARRIER: iow(226, 4),
} as const;

/** Flags of TUNSETIFF. */
export const tunFlag = {
  IFF_TAP: 0x0002,
  IFF_NO_PI: 0x1000,
  IFF_VNET_HDR: 0x4000,
  IFF_TUN_EXCL: 0x8000,
} as const;

/** What the reader of a TAP can cope with, for TUNSETOFFLOAD. */
export const tunOffload = { TUN_F_CSUM: 1, TUN_F_TSO4: 2, TUN_F_TSO6: 4 } as const;

/** ioctls on any socket, with an ifreq. */
export const interfaceIoctl = {
  SIOCGIFFLAGS: 0x8913,
  SIOCSIFFLAGS: 0x8914,
  SIOCSIFMTU: 0x8922,
  SIOCSIFHWADDR: 0x8924,
  SIOCGIFINDEX: 0x8933,
  SIOCBRADDIF: 0x89a2,
} as const;

export const IFF_UP = 1;
export const ARPHRD_ETHER = 1;

/** Bytes of an interface's name with its NUL. */
export const IFNAMSIZ = 16;

const ifrName = cstring(0, IFNAMSIZ);

/** `struct ifreq` has one name and a union; each codec shows the member that its ioctls use. */
export const ifreqFlags = struct("ifreq", 40, { ifr_name: ifrName, ifr_flags: s16(16) });
/** For ifr_mtu and ifr_ifindex. */
export const ifreqNumber = struct("ifreq", 40, { ifr_name: ifrName, ifr_ifindex: u32(16) });
export const ifreqAddress = struct("ifreq", 40, {
  ifr_name: ifrName,
  sa_family: u16(16),
  sa_data: bytes(18, 14),
});

/** Comes before each packet on a TAP with IFF_VNET_HDR. */
export const virtioNetHdr = struct("virtio_net_hdr", 10, {
  flags: u8(0),
  gso_type: u8(1),
  hdr_len: u16(2),
  gso_size: u16(4),
  csum_start: u16(6),
  csum_offset: u16(8),
});

export const VIRTIO_NET_HDR_F = { NEEDS_CSUM: 1, DATA_VALID: 2 } as const;

export const VIRTIO_NET_HDR_GSO = { NONE: 0, TCPV4: 1, UDP: 3, TCPV6: 4, ECN: 0x80 } as const;
