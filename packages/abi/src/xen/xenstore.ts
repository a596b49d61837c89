/** XenStore's wire protocol and the page that carries it (public/io/xs_wire.h). */
import { bytes, struct, u32 } from "../struct.ts";

/** Message types (`enum xsd_sockmsg_type`). 20 was XS_RESTRICT, which is gone. */
export const XS = {
  CONTROL: 0,
  DIRECTORY: 1,
  READ: 2,
  GET_PERMS: 3,
  WATCH: 4,
  UNWATCH: 5,
  TRANSACTION_START: 6,
  TRANSACTION_END: 7,
  INTRODUCE: 8,
  RELEASE: 9,
  GET_DOMAIN_PATH: 10,
  WRITE: 11,
  MKDIR: 12,
  RM: 13,
  SET_PERMS: 14,
  WATCH_EVENT: 15,
  ERROR: 16,
  IS_DOMAIN_INTRODUCED: 17,
  RESUME: 18,
  SET_TARGET: 19,
  RESET_WATCHES: 21,
  DIRECTORY_PART: 22,
} as const;

/** The header of every message, before `len` bytes of payload. */
export const xsdSockmsg = struct("xsd_sockmsg", 16, {
  type: u32(0),
  /** The client's; the reply carries it too. */
  req_id: u32(4),
  /** 0 outside a transaction. */
  tx_id: u32(8),
  len: u32(12),
});

/** Bytes; a longer payload ends the connection. */
export const XENSTORE_PAYLOAD_MAX = 4096;

/** Characters of a path that is relative, or is below a domain's home. */
export const XENSTORE_REL_PATH_MAX = 2048;

/** Bytes of each of the page's two rings. */
export const XENSTORE_RING_SIZE = 1024;

/** The page between a guest and the store. Indices run freely; the low 10 bits say where in the ring. */
export const xenstoreDomainInterface = struct("xenstore_domain_interface", 2076, {
  req: bytes(0, XENSTORE_RING_SIZE),
  rsp: bytes(1024, XENSTORE_RING_SIZE),
  req_cons: u32(2048),
  req_prod: u32(2052),
  rsp_cons: u32(2056),
  rsp_prod: u32(2060),
  /** {@link XENSTORE_SERVER_FEATURE} bits. */
  server_features: u32(2064),
  connection: u32(2068),
  /** Why the server has stopped serving, {@link XENSTORE_ERROR}. */
  error: u32(2072),
});

export const XENSTORE_SERVER_FEATURE = {
  /** The guest may ask for a fresh start of the ring through `connection`. */
  RECONNECTION: 1,
  /** `error` is valid. */
  ERROR: 2,
} as const;

/** Values of `connection`. */
export const XENSTORE_CONNECTION = { CONNECTED: 0, RECONNECT: 1 } as const;

export const XENSTORE_ERROR = {
  NONE: 0,
  COMM: 1,
  /** An index that cannot be. */
  RINGIDX: 2,
  /** A payload that is too long. */
  PROTO: 3,
} as const;
