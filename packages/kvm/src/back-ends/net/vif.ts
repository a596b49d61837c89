import { createHash } from "node:crypto";
import type { DeviceNodes } from "../device-nodes.ts";
import type { Rate } from "./rate-limit.ts";

/** A network interface of the guest, as the domain's config gives it. */
export interface Vif {
  /** 0 for the first. */
  devid: number;
  /** `00:16:3e:xx:xx:xx` */
  mac: string;
  /** The host's bridge that it is attached to. */
  bridge?: string | undefined;
  /** The interface's name on the host. */
  vifname?: string | undefined;
  /** Bytes of a packet without its Ethernet header; 1500 when absent. */
  mtu?: number | undefined;
  /** Limits what the guest sends. */
  rate?: Rate | undefined;
}

const DEFAULT_MTU = 1500;

/** The interface's name on the host, xl's when the config gives none. */
export function hostInterfaceName(domid: number, { devid, vifname }: Vif): string {
  return vifname ?? `vif${domid}.${devid}`;
}

/** The nodes that libxl makes; there is no script, and the interface is ready before the nodes are there. */
export function vifNodes(vif: Vif, bridge: string | undefined): DeviceNodes {
  const { devid, mac, vifname, rate, mtu = DEFAULT_MTU } = vif;
  return {
    kind: "vif",
    id: devid,
    front: { handle: `${devid}`, mac, trusted: "1" },
    frontReadOnly: { mtu: `${mtu}` },
    back: {
      ...(vifname === undefined ? {} : { vifname }),
      mac,
      ...(rate === undefined ? {} : { rate: `${rate.bytes},${rate.microseconds}` }),
      ...(mtu === DEFAULT_MTU ? {} : { mtu: `${mtu}` }),
      ...(bridge === undefined ? {} : { bridge }),
      handle: `${devid}`,
      type: "vif",
      "hotplug-status": "connected",
    },
  };
}

/** The address of an interface whose config gives none: the same whenever the domain with this uuid starts. */
export function stableMac(uuid: string, devid: number): string {
  const [a = 0, b = 0, c = 0] = createHash("sha256").update(`${uuid.toLowerCase()} vif ${devid}`).digest();
  // Xen's range; xl too keeps the fourth byte below 0x80.
  return [0x00, 0x16, 0x3e, a & 0x7f, b, c].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}
