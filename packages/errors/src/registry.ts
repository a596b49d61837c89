/**
 * The one list of error codes. A code is stable for ever: scripts match on it, `docs/errors.md` lists it (a test
 * keeps both equal), and `status` is the HTTP status of a response that carries it.
 *
 * Titles say what kind of thing went wrong; the message of a `PvhError` says what was found and what would be right.
 */
export const errorCodes = {
  CONFIG_SYNTAX: { status: 422, title: "The guest config is not valid xl.cfg text" },
  CONFIG_KEY_UNKNOWN: { status: 422, title: "The guest config has a key that nobody defines" },
  CONFIG_KEY_UNSUPPORTED: {
    status: 422,
    title: "The guest config uses what is not implemented, or not by this backend",
  },
  CONFIG_INVALID: { status: 422, title: "The guest config has a value that is not allowed" },
  KERNEL_FORMAT: { status: 422, title: "The file is not a kernel of a known format" },
  KERNEL_TRUNCATED: { status: 422, title: "The kernel file ends before something it declares" },
  KERNEL_ELF: { status: 422, title: "The kernel's ELF structure is invalid" },
  KERNEL_NOTE: { status: 422, title: "A Xen note of the kernel is invalid" },
  KERNEL_BZIMAGE: { status: 422, title: "The kernel's bzImage header is invalid" },
  KERNEL_COMPRESSION: { status: 422, title: "The compressed data is damaged or of an unsupported kind" },
  KERNEL_TOO_LARGE: { status: 422, title: "The kernel or ramdisk exceeds a size limit" },
  KERNEL_NOT_PVH: { status: 422, title: "The kernel supports no PVH boot interface that was asked for" },
  LAYOUT_MEMORY: { status: 422, title: "The guest's memory cannot hold its boot image" },
  FILE_UNREADABLE: { status: 422, title: "A file that the config names cannot be read" },
  DISK_IN_USE: { status: 409, title: "A disk image or device is in use already" },
  FILE_EXISTS: { status: 409, title: "A file that is to be written is there already" },
  FILE_UNWRITABLE: { status: 500, title: "A file cannot be written" },
  SAVED_FORMAT: { status: 422, title: "The file is not a saved domain, or a damaged one" },
  SAVED_TRUNCATED: { status: 422, title: "The saved domain ends before something it declares" },
  SAVED_VERSION: { status: 422, title: "The saved domain is in a format that is not read" },
  MIGRATION_OFF: { status: 501, title: "This pvhd was started without what migration needs" },
  MIGRATION_TLS: { status: 500, title: "A certificate or key for migration cannot be used" },
  MIGRATION_PEER: { status: 502, title: "The other pvhd of a migration cannot be reached, or breaks off" },
  MIGRATION_UNDECIDED: { status: 504, title: "Whether the domain runs on the other host is not known" },
  HOST_MEMORY: { status: 507, title: "The host has not enough memory" },
  HOST_KVM_MISSING: { status: 503, title: "/dev/kvm is missing or unusable" },
  HOST_KVM_FORBIDDEN: { status: 503, title: "/dev/kvm may not be opened" },
  HOST_XEN_MISSING: { status: 503, title: "This is not the control domain of a Xen host" },
  HOST_XEN_FORBIDDEN: { status: 503, title: "The hypervisor's device may not be opened" },
  HOST_XEN_VERSION: { status: 501, title: "The running Xen is of a release that is not known" },
  HOST_XEN_LIBRARY: { status: 503, title: "A library of the running Xen is not installed" },
  XEN_DEVICE: { status: 500, title: "A back end of the host does not serve a device" },
  XEN_CALL: { status: 500, title: "A call to the hypervisor failed" },
  XENSTORE: { status: 500, title: "The host's XenStore cannot be reached or refuses a request" },
  HOST_NETWORK: { status: 503, title: "A network interface of the host cannot be set up" },
  HOST_UNSUPPORTED: { status: 501, title: "This host cannot do what was asked" },
  HOST_SYSCALL: { status: 500, title: "A call to the host's kernel failed" },
  VMM_DIED: { status: 500, title: "The domain's VMM process ended unexpectedly" },
  VMM_UNRESPONSIVE: { status: 500, title: "The domain's VMM process runs, but does not answer" },
  DOMAIN_NAME_TAKEN: { status: 409, title: "A live domain has this name" },
  DOMAIN_UUID_TAKEN: { status: 409, title: "A domain has this uuid" },
  DOMAIN_NOT_FOUND: { status: 404, title: "There is no such domain" },
  DEVICE_TAKEN: { status: 409, title: "The domain has such a device already" },
  DEVICE_NOT_FOUND: { status: 404, title: "The domain has no such device" },
  DOMAIN_STATE: { status: 409, title: "The domain's state does not allow the action" },
  REQUEST_INVALID: { status: 400, title: "The request is malformed" },
  REQUEST_PATH: { status: 404, title: "There is no such path in the API" },
  REQUEST_METHOD: { status: 405, title: "The path does not take this method" },
  REQUEST_TOO_LARGE: { status: 413, title: "The request body is too large" },
  REQUEST_MEDIA_TYPE: { status: 415, title: "The request body is of a kind that is not read" },
  REQUEST_UPGRADE: { status: 426, title: "The path is a WebSocket" },
  DAEMON_UNREACHABLE: { status: 503, title: "pvhd does not answer" },
  DAEMON_RUNNING: { status: 409, title: "Another pvhd uses this socket or state directory" },
  DAEMON_STATE: { status: 500, title: "pvhd cannot use its state directory or socket" },
  USAGE: { status: 400, title: "The command line is not understood" },
  INTERNAL: { status: 500, title: "A defect in this program" },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof errorCodes;

export function isErrorCode(value: string): value is ErrorCode {
  return Object.hasOwn(errorCodes, value);
}
