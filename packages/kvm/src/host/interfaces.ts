import { closeSync } from "node:fs";
import { ARPHRD_ETHER, IFF_UP, ifreqAddress, ifreqFlags, ifreqNumber, interfaceIoctl } from "@pvh/abi";
import koffi from "koffi";
import { errno, ioctlPointer, systemError } from "./libc.ts";

/** The host's network interfaces, by name. */

type InterfaceIoctl = keyof typeof interfaceIoctl;

const libc = koffi.load("libc.so.6");
const socket: (domain: number, type: number, protocol: number) => number = libc.func(
  "int socket(int domain, int type, int protocol)",
);
const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;

/** Undefined when there is no such interface. */
export function interfaceIndex(name: string): number | undefined {
  const request = ifreqNumber.encode({ ifr_name: name });
  return refusal("SIOCGIFINDEX", request) === 0 ? ifreqNumber.decode(request).ifr_ifindex : undefined;
}

export function setMtu(name: string, mtu: number): void {
  demand("SIOCSIFMTU", ifreqNumber.encode({ ifr_name: name, ifr_ifindex: mtu }));
}

export function setMac(name: string, mac: Uint8Array): void {
  const address = { ifr_name: name, sa_family: ARPHRD_ETHER, sa_data: mac };
  demand("SIOCSIFHWADDR", ifreqAddress.encode(address));
}

export function bringUp(name: string): void {
  const request = ifreqFlags.encode({ ifr_name: name });
  demand("SIOCGIFFLAGS", request);
  const flags = ifreqFlags.decode(request).ifr_flags;
  demand("SIOCSIFFLAGS", ifreqFlags.encode({ ifr_name: name, ifr_flags: flags | IFF_UP }));
}

/** Makes the interface with this index a port of the bridge. 0, or the errno with which the kernel refuses. */
export function addToBridge(bridge: string, index: number): number {
  return refusal("SIOCBRADDIF", ifreqNumber.encode({ ifr_name: bridge, ifr_ifindex: index }));
}

function demand(call: InterfaceIoctl, request: Uint8Array): void {
  const number = refusal(call, request);
  if (number !== 0) throw systemError(call, number);
}

/** 0 when the call succeeds, else its errno. */
function refusal(call: InterfaceIoctl, request: Uint8Array): number {
  const fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw systemError("socket", errno());
  try {
    return ioctlPointer(fd, interfaceIoctl[call], request) < 0 ? errno() : 0;
  } finally {
    closeSync(fd);
  }
}
