import { devicePaths } from "../../xenstore/device-nodes.ts";
import type { BackEndHost } from "../host.ts";
import { type BackEndDevice, type BackEndDriver, startBackEnd, XENBUS } from "../xenbus.ts";
import { Connection } from "./connection.ts";
import { offeredFeatures, readFrontEnd } from "./front-end.ts";
import type { PacketPort } from "./packet-port.ts";
import type { Rate } from "./rate-limit.ts";
import type { Vif } from "./vif.ts";

/**
 * Runs the back end of a guest's network interface, whose nodes exist: see vifNodes. It owns `port` and closes it once
 * the device has been removed.
 */
export function startNetBackEnd(
  host: BackEndHost,
  port: PacketPort,
  { devid, rate }: Pick<Vif, "devid" | "rate">,
): BackEndDevice {
  port.setCarrier(false);
  const paths = devicePaths(host.domid, "vif", devid);
  const device = startBackEnd(host, "vif", devid, paths, (self) => new NetDriver(host, port, rate, self));
  void device.closed.then(() => port.close());
  return device;
}

class NetDriver implements BackEndDriver {
  /** Front ends skip Initialised. */
  readonly connectAt = [XENBUS.connected];
  readonly #host: BackEndHost;
  readonly #port: PacketPort;
  readonly #rate: Rate | undefined;
  readonly #device: BackEndDevice;
  #connection: Connection | undefined;

  constructor(host: BackEndHost, port: PacketPort, rate: Rate | undefined, device: BackEndDevice) {
    this.#host = host;
    this.#port = port;
    this.#rate = rate;
    this.#device = device;
  }

  offer(): Record<string, string> {
    return { ...offeredFeatures };
  }

  connect(read: (name: string) => string | undefined): Record<string, string> {
    this.#connection = new Connection({
      host: this.#host,
      port: this.#port,
      front: readFrontEnd(read),
      rate: this.#rate,
      violated: (what) => this.#device.fail(what),
    });
    return {};
  }

  async disconnect(): Promise<void> {
    this.#connection?.end();
    this.#connection = undefined;
  }
}
