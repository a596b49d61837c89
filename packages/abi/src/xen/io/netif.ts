import { bytes, s16, struct, u8, u16, u32 } from "../../struct.ts";

/** Structures and numbers of public/io/netif.h: what front and back end of a network interface exchange. */

/** Flags of a request of the guest's transmit ring. */
export const NETTXF = {
  csum_blank: 1 << 0,
  data_validated: 1 << 1,
  more_data: 1 << 2,
  extra_info: 1 << 3,
} as const;

/** Flags of a response of the guest's receive ring. */
export const NETRXF = {
  data_validated: 1 << 0,
  csum_blank: 1 << 1,
  more_data: 1 << 2,
  extra_info: 1 << 3,
  gso_prefix: 1 << 4,
} as const;

export const XEN_NETIF_EXTRA_TYPE = {
  NONE: 0,
  GSO: 1,
  MCAST_ADD: 2,
  MCAST_DEL: 3,
  HASH: 4,
} as const;

export const XEN_NETIF_EXTRA_FLAG_MORE = 1;

export const XEN_NETIF_GSO_TYPE = { NONE: 0, TCPV4: 1, TCPV6: 2 } as const;

/** Status of a response; one of the receive ring carries the fragment's size instead when all is well. */
export const NETIF_RSP = { DROPPED: -2, ERROR: -1, OKAY: 0, NULL: 1 } as const;

/** Slots that a packet from the guest may have at least. */
export const XEN_NETIF_NR_SLOTS_MIN = 18;

export const XEN_NETIF_MAX_TX_SIZE = 0xffff;

export const netifTxRequest = struct("netif_tx_request", 12, {
  gref: u32(0),
  offset: u16(4),
  flags: u16(6),
  id: u16(8),
  size: u16(10),
});

export const netifTxResponse = struct("netif_tx_response", 4, { id: u16(0), status: s16(2) });

export const netifRxRequest = struct("netif_rx_request", 8, { id: u16(0), gref: u32(4) });

export const netifRxResponse = struct("netif_rx_response", 8, {
  id: u16(0),
  offset: u16(2),
  flags: u16(4),
  status: s16(6),
});

/** An extra info with XEN_NETIF_EXTRA_TYPE_GSO. */
export const netifExtraGso = struct("netif_extra_info", 8, {
  type: u8(0),
  flags: u8(1),
  size: u16(2),
  gso_type: u8(4),
  features: u16(6),
});

/** An extra info with XEN_NETIF_EXTRA_TYPE_MCAST_ADD or _DEL. */
export const netifExtraMcast = struct("netif_extra_info", 8, {
  type: u8(0),
  flags: u8(1),
  addr: bytes(2, 6),
});
