import { devicePaths } from "../../xenstore/device-nodes.ts";
import type { BackEndHost } from "../host.ts";
import { BackRing } from "../ring.ts";
import { type BackEndDevice, type BackEndDriver, startBackEnd, XENBUS } from "../xenbus.ts";
import type { DiskImage } from "./disk-image.ts";
import { type FrontEndNodes, type QueueNodes, readFrontEnd } from "./front-end-nodes.ts";
import { offeredNodes } from "./nodes.ts";
import { BlockQueue } from "./queue.ts";

/**
 * Serves `disk` to the guest, whose nodes addDevice has written (see diskNodes). The image is closed when the device
 * has been removed.
 */
export function startBlockBackEnd(host: BackEndHost, disk: DiskImage): BackEndDevice {
  const id = disk.config.devid;
  const paths = devicePaths(host.domid, "vbd", id);
  const device = startBackEnd(host, "vbd", id, paths, (device) => new BlockDriver(host, disk, device));
  void device.closed.then(() => disk.close());
  return device;
}

/** The back end's half of the blkif protocol (public/io/blkif.h), as xen-blkback speaks it. */
class BlockDriver implements BackEndDriver {
  /** Linux says Initialised, mini-os Connected. */
  readonly connectAt = [XENBUS.initialised, XENBUS.connected];
  readonly #host: BackEndHost;
  readonly #disk: DiskImage;
  readonly #device: BackEndDevice;
  #connection: Connection | undefined;

  constructor(host: BackEndHost, disk: DiskImage, device: BackEndDevice) {
    this.#host = host;
    this.#disk = disk;
    this.#device = device;
    disk.onSettled(() => this.#connection?.settle());
  }

  offer(): Record<string, string> {
    return offeredNodes(this.#disk);
  }

  connect(front: (name: string) => string | undefined): Record<string, string> {
    const violated = (message: string) => this.#device.fail(message);
    this.#connection = new Connection(this.#host, this.#disk, readFrontEnd(front), violated);
    return {};
  }

  async disconnect(): Promise<void> {
    await this.#connection?.close();
    this.#connection = undefined;
  }
}

/** What a connected front end has given us, until it is closed. */
class Connection {
  readonly #host: BackEndHost;
  readonly #disk: DiskImage;
  readonly #violated: (message: string) => void;
  readonly #queues: BlockQueue[] = [];
  /** Grants of the rings' pages. */
  readonly #refs: number[] = [];

  /** @throws Error with a sentence for the error node; then nothing is held. */
  constructor(
    host: BackEndHost,
    disk: DiskImage,
    { layout, queues }: FrontEndNodes,
    violated: (message: string) => void,
  ) {
    this.#host = host;
    this.#disk = disk;
    this.#violated = violated;
    try {
      for (const nodes of queues) this.#queues.push(this.#connect(nodes, layout));
    } catch (error) {
      // Nothing runs yet, so that there is nothing to wait for.
      for (const queue of this.#queues) void queue.stop();
      this.#endGrants();
      throw error;
    }
  }

  settle(): void {
    for (const queue of this.#queues) queue.settle();
  }

  async close(): Promise<void> {
    await Promise.all(this.#queues.map((queue) => queue.stop()));
    this.#endGrants();
  }

  #endGrants(): void {
    for (const ref of this.#refs) this.#host.grants.end(ref, true);
    this.#refs.length = 0;
  }

  #connect({ ringRefs, eventChannel }: QueueNodes, layout: FrontEndNodes["layout"]): BlockQueue {
    const { memory, grants } = this.#host;
    const gpas = ringRefs.map((ref) => {
      const gpa = grants.begin(ref, true);
      if (gpa < 0) throw new Error(`grant ${ref} of the ring cannot be mapped`);
      this.#refs.push(ref);
      return gpa;
    });
    const ring = BackRing.attach(memory, gpas, layout.size);
    if (ring === undefined) throw new Error("a page of the ring is not memory");
    const parts = { ring, layout, disk: this.#disk, access: this.#host, violated: this.#violated };
    return new BlockQueue(parts, (notified) => this.#host.bindInterdomain(eventChannel, notified));
  }
}
