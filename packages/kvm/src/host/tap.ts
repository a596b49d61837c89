import { closeSync, constants, openSync } from "node:fs";
import { ifreqFlags, tunFlag, tunIoctl, tunOffload, virtioNetHdr } from "@pvh/abi";
import { PvhError } from "@pvh/errors";
import koffi from "koffi";
import { addToBridge, bringUp, interfaceIndex, setMac, setMtu } from "./interfaces.ts";
import { errno, errnoName, ioctl, ioctlPointer, systemError } from "./libc.ts";
import { Readiness } from "./readiness.ts";

const libc = koffi.load("libc.so.6");
const read: (fd: number, buffer: Uint8Array, size: number) => number = libc.func(
  "long read(int fd, void *buffer, size_t size)",
);
const write: (fd: number, buffer: Uint8Array, size: number) => number = libc.func(
  "long write(int fd, const void *buffer, size_t size)",
);

const DEVICE = "/dev/net/tun";
/** xl's default; unlike xl we do without it where it does not exist. */
const DEFAULT_BRIDGE = "xenbr0";
/** A bridge takes the lowest address of its ports for its own: never this one. */
const HOST_MAC = Uint8Array.of(0xfe, 0xff, 0xff, 0xff, 0xff, 0xff);
const EPERM = 1;
const EAGAIN = 11;
const EBUSY = 16;
const EOPNOTSUPP = 95;

export interface TapOptions {
  /** Name of the interface on the host. */
  name: string;
  /** The bridge that it becomes a port of; {@link DEFAULT_BRIDGE} when there is one. */
  bridge?: string | undefined;
  mtu?: number | undefined;
}

/** What the reader of the packets copes with. */
export interface Offloads {
  checksum: boolean;
  tcp4: boolean;
  tcp6: boolean;
}

/**
 * A TAP: an Ethernet interface of the host whose other end this process is. It goes with the process. Each packet has
 * a virtio_net_hdr before it.
 */
export class Tap {
  readonly name: string;
  /** The bridge that it is a port of. */
  readonly bridge: string | undefined;
  /** A sentence for people when the interface works, but perhaps not as they think. */
  readonly warning: string | undefined;
  readonly #fd: number;
  #readiness: Readiness | undefined;

  /** For {@link openTap}. */
  constructor(fd: number, name: string, bridge: string | undefined) {
    this.#fd = fd;
    this.name = name;
    this.bridge = bridge;
    if (bridge !== undefined) return;
    this.warning = `The interface ${name} is a port of no bridge: the vif names none, and the host has no ${DEFAULT_BRIDGE}.`;
  }

  /**
   * The next packet that the host sends. Returns its size with the header, which is larger than `into` when the packet
   * is cut off; 0 when there is none; -1 when the interface is gone.
   */
  receive(into: Uint8Array): number {
    const size = read(this.#fd, into, into.length);
    if (size >= 0) return size;
    return errno() === EAGAIN ? 0 : -1;
  }

  /** Gives the host `size` bytes, header first. False when it takes no such packet. */
  send(packet: Uint8Array, size: number): boolean {
    return write(this.#fd, packet, size) === size;
  }

  /** Packets to {@link receive} keep to this from now on; a host that cannot do so sends what it did before. */
  setOffloads({ checksum, tcp4, tcp6 }: Offloads): void {
    const { TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6 } = tunOffload;
    // Segmentation implies that checksums are left open.
    const flags = checksum ? TUN_F_CSUM | (tcp4 ? TUN_F_TSO4 : 0) | (tcp6 ? TUN_F_TSO6 : 0) : 0;
    ioctl(this.#fd, tunIoctl.TUNSETOFFLOAD, flags);
  }

  /** Whether the cable is plugged in: without it the host queues no packets. Linux before 5.0 has no such ioctl. */
  setCarrier(up: boolean): void {
    ioctlPointer(this.#fd, tunIoctl.TUNSETCARRIER, int(up ? 1 : 0));
  }

  /** Calls `readable` on the event loop while there is something to receive, until the interface is closed. */
  listen(readable: () => void): Readiness {
    this.#readiness?.close();
    this.#readiness = new Readiness(this.#fd, readable);
    return this.#readiness;
  }

  /** The interface vanishes. */
  close(): void {
    this.#readiness?.close();
    closeSync(this.#fd);
  }
}

/**
 * Makes a TAP and brings it up.
 *
 * @throws PvhError HOST_NETWORK when the host has no such bridge, or does not let this process make interfaces.
 */
export function openTap({ name, bridge, mtu }: TapOptions): Tap {
  checkName(name);
  const attachTo = chooseBridge(bridge);
  const fd = openDevice(name);
  try {
    createInterface(fd, name);
    setMac(name, HOST_MAC);
    if (mtu !== undefined) applyMtu(name, mtu);
    if (attachTo !== undefined) attach(name, attachTo);
    bringUp(name);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return new Tap(fd, name, attachTo);
}

function checkName(name: string): void {
  // The kernel would take a percent sign for a pattern.
  if (/^[!-~]{1,15}$/.test(name) && !/[/:%]/.test(name) && name !== "." && name !== "..") return;
  throw new PvhError(
    "CONFIG_INVALID",
    `vifname is "${name}", which no network interface can have as its name: it has 1 to 15 visible characters, none of them / : or %.`,
    { field: "vifname", found: name, allowed: "1 to 15 visible ASCII characters without / : %" },
  );
}

/** Undefined when the interface is to be no port of any bridge. */
function chooseBridge(bridge: string | undefined): string | undefined {
  if (bridge === undefined) return interfaceIndex(DEFAULT_BRIDGE) === undefined ? undefined : DEFAULT_BRIDGE;
  if (bridge.length <= 15 && interfaceIndex(bridge) !== undefined) return bridge;
  throw noBridge(
    bridge,
    `there is no interface of that name on the host. Make it with "ip link add ${bridge} type bridge" and "ip link set ${bridge} up"`,
  );
}

function noBridge(bridge: string, reason: string): PvhError {
  return new PvhError(
    "HOST_NETWORK",
    `The vif cannot be attached to the bridge ${bridge}: ${reason}, or name another bridge in vif.`,
    { field: "vif", found: bridge, allowed: "a bridge of the host" },
  );
}

function openDevice(name: string): number {
  try {
    return openSync(DEVICE, constants.O_RDWR | constants.O_NONBLOCK);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
    const forbidden = code === "EACCES" || code === "EPERM";
    const advice = forbidden
      ? "let this user read and write it, or run as root"
      : "load the kernel module tun (modprobe tun), or make the device known in this container";
    throw new PvhError(
      "HOST_NETWORK",
      `The network interface ${name} cannot be made, because ${DEVICE} cannot be opened (${code}): ${advice}.`,
      { field: "vif", found: code, cause },
    );
  }
}

function createInterface(fd: number, name: string): void {
  const { IFF_TAP, IFF_NO_PI, IFF_VNET_HDR, IFF_TUN_EXCL } = tunFlag;
  const flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL;
  // The field is signed, and IFF_TUN_EXCL its highest bit.
  const request = ifreqFlags.encode({ ifr_name: name, ifr_flags: flags });
  if (ioctlPointer(fd, tunIoctl.TUNSETIFF, request) < 0) throw notCreated(name, errno());
  if (ioctlPointer(fd, tunIoctl.TUNSETVNETHDRSZ, int(virtioNetHdr.size)) < 0) {
    throw systemError("TUNSETVNETHDRSZ", errno());
  }
}

function notCreated(name: string, number: number): PvhError {
  const code = errnoName(number);
  const reasons: Record<number, string> = {
    [EPERM]: "that needs the capability CAP_NET_ADMIN: run as root, or give it to this process",
    [EBUSY]:
      "the host has an interface of that name already; choose another vifname, or remove that interface",
  };
  const reason = reasons[number] ?? "the host's kernel refuses it";
  return new PvhError(
    "HOST_NETWORK",
    `The network interface ${name} cannot be made (TUNSETIFF: ${code}): ${reason}.`,
    { field: "vif", found: code },
  );
}

function applyMtu(name: string, mtu: number): void {
  try {
    setMtu(name, mtu);
  } catch (cause) {
    throw new PvhError(
      "HOST_NETWORK",
      `The interface ${name} cannot have an MTU of ${mtu} bytes: choose one from 68 to 65521.`,
      { field: "mtu", found: mtu, allowed: "68 to 65521", cause },
    );
  }
}

function attach(name: string, bridge: string): void {
  const number = addToBridge(bridge, interfaceIndex(name) ?? 0);
  if (number === 0) return;
  const reason =
    number === EOPNOTSUPP
      ? "the interface of that name is no Linux bridge. Make one"
      : `the kernel refuses it (SIOCBRADDIF: ${errnoName(number)}). Look after the bridge`;
  throw noBridge(bridge, reason);
}

function int(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}
