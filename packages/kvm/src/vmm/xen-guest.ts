import { PAGE_SIZE } from "@pvh/abi";
import type { DiskConfig, DomainImage, GuestConfig, VifConfig } from "@pvh/builder";
import { PvhError } from "@pvh/errors";
import { ConsoleRing } from "../back-ends/console-ring.ts";
import type { EventPort } from "../back-ends/host.ts";
import { EVENT_PORTS, publishClocks, SLACK_PAGES } from "../platform-xen/create.ts";
import { HostSide } from "../platform-xen/host-side.ts";
import type { OpenXen } from "../platform-xen/shared.ts";
import type { DeviceStatus } from "../protocol.ts";
import {
  introduceDomain,
  LocalClient,
  populateDomain0,
  populateGuest,
  Store,
  StoreRing,
  utf8Text,
} from "../xenstore/index.ts";
import type { GuestDevices } from "./guest-devices.ts";
import { PvDevices } from "./pv-devices.ts";

const KIB_PER_MIB = 1024;
const NOTHING = new Uint8Array();
const PAGES_PER_MIB = 2 ** 20 / PAGE_SIZE;

export interface XenGuestParts {
  xen: OpenXen;
  image: DomainImage;
  config: GuestConfig;
  uuid: string;
  /** Output of the PV console. */
  output(bytes: Uint8Array): void;
  /** There may be room for input again. */
  inputTaken(): void;
  /** Input that went to another console and was not read there: it is for the PV console as soon as the guest uses that. */
  takeUnread(): Uint8Array;
}

/**
 * What domain 0 is to a guest of the xen platform, on the VMM's main thread: the store, the console, and the requests by
 * which a toolstack steers the guest.
 */
export class XenGuest implements GuestDevices {
  readonly host: HostSide;
  readonly #devices: PvDevices;
  readonly #parts: XenGuestParts;
  readonly #home: string;
  readonly #console: ConsoleRing | undefined;
  #consolePort: EventPort | undefined;
  #consoleUsed = false;
  #typedAhead: Uint8Array = NOTHING;
  #storeUsed = false;

  constructor(parts: XenGuestParts) {
    this.#parts = parts;
    const { xen, image, config, uuid } = parts;
    publishClocks(xen);
    const { domid } = xen.domain;
    this.#home = `/local/domain/${domid}`;
    const { xenstore, console } = image.pages;
    if (xenstore === undefined || console === undefined) {
      throw new PvhError("INTERNAL", "A guest of the xen platform has no pages for its store and console.");
    }
    const store = new Store();
    const client = new LocalClient(store);
    this.host = new HostSide(xen, client);
    this.#devices = new PvDevices(this.host, uuid);
    const { memory, maxmem = memory, vcpus, maxvcpus = vcpus } = config;
    // Known before the first node that names it, and introduced when its ring is served.
    store.domains.add(domid, store.generation);
    populateDomain0(client);
    populateGuest(client, {
      domid,
      name: config.name,
      uuid,
      memoryKiB: memory * KIB_PER_MIB,
      maxMemoryKiB: maxmem * KIB_PER_MIB,
      vcpus,
      maxVcpus: maxvcpus,
      store: { gfn: xenstore / PAGE_SIZE, port: EVENT_PORTS.store },
      console: { gfn: console / PAGE_SIZE, port: EVENT_PORTS.console },
      startTime: Date.now(),
    });
    this.#serveStore(store, domid, xen.memory.bytes(xenstore, PAGE_SIZE));
    introduceDomain(store, domid);
    this.#console = new ConsoleRing(xen.memory, console);
    this.#consolePort = this.host.bindInterdomain(EVENT_PORTS.console, () => this.#serveConsole());
  }

  /** Calls the back ends whose event channels the guest has notified. */
  deliver(): void {
    this.host.deliver();
  }

  /** What is left of the console's output when the guest has ended. */
  drainConsole(): void {
    for (let chunk = this.#console?.takeOutput(); chunk !== undefined; chunk = this.#console?.takeOutput()) {
      this.#parts.output(chunk);
      if (chunk.length === 0) break;
    }
  }

  /** The guest uses the PV console, so that input belongs there. */
  get hasConsole(): boolean {
    return this.#consoleUsed;
  }

  /** Returns how much of the input the guest had room for. */
  feed(bytes: Uint8Array): number {
    this.#typedAhead = this.#typedAhead.subarray(this.#put(this.#typedAhead));
    return this.#typedAhead.length > 0 ? 0 : this.#put(bytes);
  }

  #put(bytes: Uint8Array): number {
    const taken = this.#console?.putInput(bytes) ?? 0;
    if (taken > 0) this.#consolePort?.notify();
    return taken;
  }

  /** False when the guest has never spoken to the store, so that nobody would read the request. */
  request(word: "poweroff" | "reboot" | "suspend" | "halt"): boolean {
    if (!this.#storeUsed) return false;
    this.host.store.write(`${this.#home}/control/shutdown`, word);
    return true;
  }

  /** @param key a letter of Linux's magic SysRq */
  sysrq(key: string): boolean {
    if (!this.#storeUsed) return false;
    this.host.store.write(`${this.#home}/control/sysrq`, key);
    return true;
  }

  /** The name by which the guest knows itself. */
  rename(name: string): void {
    const title = utf8Text(name);
    this.host.store.write(`${this.#home}/name`, title);
    this.host.store.write(`/vm/${this.#parts.uuid}/name`, title);
  }

  /** What the guest's balloon driver is to keep to, in MiB. */
  setMemory(target: number): void {
    this.#parts.xen.state.maxPages = target * PAGES_PER_MIB + SLACK_PAGES;
    this.host.store.write(`${this.#home}/memory/target`, String(target * KIB_PER_MIB));
  }

  /** How many vCPUs the guest is to have online. */
  setVcpus(count: number): void {
    const total = this.#parts.xen.vcpus.length;
    this.host.store.transaction((store) => {
      for (let vcpu = 0; vcpu < total; vcpu++) {
        const path = `${this.#home}/cpu/${vcpu}/availability`;
        const wanted = vcpu < count ? "online" : "offline";
        if (store.read(path) !== wanted) store.write(path, wanted);
      }
    });
  }

  /** Devices of the config. */
  addDevices(): Promise<void> {
    return this.#devices.addAll(this.#parts.config.disk, this.#parts.config.vif);
  }
  devices(): DeviceStatus[] {
    return this.#devices.devices();
  }
  attachDisk(disk: DiskConfig): Promise<DeviceStatus> {
    return this.#devices.attachDisk(disk);
  }
  detachDisk(vdev: string, force: boolean): Promise<void> {
    return this.#devices.detachDisk(vdev, force);
  }
  attachVif(vif: VifConfig): Promise<DeviceStatus> {
    return this.#devices.attachVif(vif);
  }
  detachVif(devid: number, force: boolean): Promise<void> {
    return this.#devices.detachVif(devid, force);
  }

  /** What the guest has at the moment, but for a few pages of the hypervisor's. */
  get memoryMiB(): number {
    return Math.round(this.#parts.xen.state.totalPages / PAGES_PER_MIB);
  }

  get onlineVcpus(): number {
    return this.#parts.xen.vcpus.filter(({ online }) => online).length;
  }

  #serveStore(store: Store, domid: number, page: Uint8Array): void {
    const serve = () => {
      this.#storeUsed = true;
      // The rest after others have had their turn.
      if (ring.service()) setImmediate(serve);
    };
    const port = this.host.bindInterdomain(EVENT_PORTS.store, serve);
    const ring = new StoreRing(store, domid, page, () => port?.notify());
  }

  #serveConsole(): void {
    if (!this.#consoleUsed) this.#typedAhead = this.#parts.takeUnread();
    this.#consoleUsed = true;
    const chunk = this.#console?.takeOutput();
    // First, so that the guest goes on while the output is passed on.
    if (chunk !== undefined) this.#consolePort?.notify();
    if (chunk !== undefined && chunk.length > 0) this.#parts.output(chunk);
    this.feed(NOTHING);
    this.#parts.inputTaken();
  }
}
