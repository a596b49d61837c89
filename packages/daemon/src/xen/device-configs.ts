import type { DiskConfig, VifConfig } from "@pvh/builder";
import { textOfUtf8, type XenStore } from "@pvh/xenctl-ffi";
import { pathsOf } from "./device-nodes.ts";
import { imageOf } from "./disk-nodes.ts";

type Read = (node: string) => Promise<string | undefined>;

/**
 * The disks and interfaces that a domain has at the moment, as configs, by which they can be made again: those that were
 * attached later are among them, and those that were detached are not.
 */
export async function deviceConfigs(
  store: XenStore,
  domid: number,
): Promise<{ disk: DiskConfig[]; vif: VifConfig[] }> {
  const each = async <T>(
    kind: "vbd" | "vif",
    read: (front: Read, back: Read, id: number) => Promise<T>,
  ): Promise<T[]> => {
    const ids = await store.list(`/libxl/${domid}/device/${kind}`);
    return Promise.all(
      ids.map(Number).map(async (id) => {
        const { front, back } = await pathsOf(store, domid, kind, id);
        const reader = (home: string) => async (node: string) => {
          const value = await store.read(`${home}/${node}`);
          return value === undefined ? undefined : textOfUtf8(value);
        };
        return read(reader(front), reader(back), id);
      }),
    );
  };
  const [disk, vif] = await Promise.all([each("vbd", diskConfig), each("vif", vifConfig)]);
  return { disk, vif };
}

async function diskConfig(front: Read, back: Read): Promise<DiskConfig> {
  const nodes = ["params", "dev", "mode", "device-type", "discard-enable", "direct-io-safe", "type"];
  const [params = "", vdev = "", mode, type, discard, direct, server] = await Promise.all(nodes.map(back));
  return {
    ...imageOf(params),
    ...(server === "qdisk" ? { backendtype: server } : {}),
    vdev,
    access: mode === "r" ? "r" : "w",
    devtype: type === "cdrom" ? "cdrom" : "disk",
    discard: discard !== "0",
    direct_io_safe: direct === "1",
    trusted: (await front("trusted")) !== "0",
  };
}

async function vifConfig(front: Read, back: Read, devid: number): Promise<VifConfig> {
  const nodes = ["mac", "bridge", "vifname", "ip", "mtu", "rate"];
  const [mac, bridge, vifname, ip, mtu, rate] = await Promise.all(nodes.map(back));
  const [bytes, microseconds] = (rate ?? "").split(",").map(Number);
  return {
    devid,
    ...(mac === undefined ? {} : { mac }),
    ...(bridge === undefined ? {} : { bridge }),
    ...(vifname === undefined ? {} : { vifname }),
    ...(ip === undefined ? {} : { ip }),
    ...(mtu === undefined ? {} : { mtu: Number(mtu) }),
    ...(bytes && microseconds ? { rate: rateText(bytes, microseconds) } : {}),
    ...((await front("trusted")) === "0" ? { trusted: false } : {}),
  };
}

/** xl's text for so many bytes in each interval. */
export function rateText(bytes: number, microseconds: number): string {
  return `${Math.ceil((bytes * 1e6) / microseconds)}B/s@${microseconds}us`;
}
