import type { DeviceNodes } from "../../xenstore/device-nodes.ts";
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
  /** Addresses of the guest, for whoever reads them in the store. */
  ip?: string | undefined;
  /** Whether the guest may trust the back end; true when absent. */
  trusted?: boolean | undefined;
}

const DEFAULT_MTU = 1500;

/** The interface's name on the host, xl's when the config gives none. */
export function hostInterfaceName(domid: number, { devid, vifname }: Vif): string {
  return vifname ?? `vif${domid}.${devid}`;
}

/** The nodes that libxl makes; there is no script, and the interface is ready before the nodes are there. */
export function vifNodes(vif: Vif, bridge: string | undefined): DeviceNodes {
  const { devid, mac, vifname, ip, rate, mtu = DEFAULT_MTU, trusted = true } = vif;
  return {
    kind: "vif",
    id: devid,
    front: { handle: `${devid}`, mac, trusted: trusted ? "1" : "0" },
    frontReadOnly: { mtu: `${mtu}` },
    back: {
      ...(vifname === undefined ? {} : { vifname }),
      mac,
      ...(ip === undefined ? {} : { ip }),
      ...(rate === undefined ? {} : { rate: `${rate.bytes},${rate.microseconds}` }),
      ...(mtu === DEFAULT_MTU ? {} : { mtu: `${mtu}` }),
      ...(bridge === undefined ? {} : { bridge }),
      handle: `${devid}`,
      type: "vif",
      "hotplug-status": "connected",
    },
  };
}
