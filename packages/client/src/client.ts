import type { components, operations } from "./api.gen.ts";
import { type DomainConsole, openConsole } from "./console.ts";
import { exchange } from "./exchange.ts";
import { defaultSocket } from "./socket.ts";

type Schemas = components["schemas"];
export type Domain = Schemas["Domain"];
export type DomainSummary = Schemas["DomainSummary"];
/** A guest config, with `start_paused`; what has a default may be left out. */
export type DomainRequest = Undefinable<Schemas["DomainRequestInput"]>;
export type Host = Schemas["Host"];
export type DomainState = Domain["state"];
export type DomainAction = "pause" | "unpause" | "shutdown" | "reboot" | "destroy";
export type Device = Schemas["Device"];
/** A disk as xl's text, or as the object that it stands for. */
export type DiskRequest = Undefinable<JsonBody<"attachDisk">>;
export type VifRequest = Undefinable<JsonBody<"attachVif">>;
export type DomainChange = Undefinable<JsonBody<"changeDomain">>;
/** CPUs of the host in xl's notation, for one vCPU or all. */
export type Pinning = Undefinable<JsonBody<"pinDomain">>;
export type SaveRequest = Undefinable<JsonBody<"saveDomain">>;
export type RestoreRequest = Undefinable<JsonBody<"restoreDomain">>;
export type MigrationRequest = Undefinable<JsonBody<"migrateDomain">>;
export type Trigger = JsonBody<"triggerDomain">["trigger"];

/** Every operation of the API; a test compares this with the OpenAPI document. */
export const routes = {
  createDomain: ["POST", "/domains"],
  listDomains: ["GET", "/domains"],
  getDomain: ["GET", "/domains/{id}"],
  deleteDomain: ["DELETE", "/domains/{id}"],
  pauseDomain: ["POST", "/domains/{id}/pause"],
  unpauseDomain: ["POST", "/domains/{id}/unpause"],
  shutdownDomain: ["POST", "/domains/{id}/shutdown"],
  rebootDomain: ["POST", "/domains/{id}/reboot"],
  destroyDomain: ["POST", "/domains/{id}/destroy"],
  changeDomain: ["PATCH", "/domains/{id}"],
  sendSysrq: ["POST", "/domains/{id}/sysrq"],
  pinDomain: ["POST", "/domains/{id}/affinity"],
  triggerDomain: ["POST", "/domains/{id}/trigger"],
  renameDomain: ["POST", "/domains/{id}/rename"],
  dumpDomain: ["POST", "/domains/{id}/dump-core"],
  saveDomain: ["POST", "/domains/{id}/save"],
  restoreDomain: ["POST", "/domains/restore"],
  migrateDomain: ["POST", "/domains/{id}/migrate"],
  listDevices: ["GET", "/domains/{id}/devices"],
  attachDisk: ["POST", "/domains/{id}/disks"],
  detachDisk: ["DELETE", "/domains/{id}/disks/{vdev}"],
  attachVif: ["POST", "/domains/{id}/vifs"],
  detachVif: ["DELETE", "/domains/{id}/vifs/{vif}"],
  openConsole: ["GET", "/domains/{id}/console"],
  getConsoleLog: ["GET", "/domains/{id}/console/log"],
  getHost: ["GET", "/host"],
} as const satisfies Record<keyof operations, readonly [method: string, path: string]>;

type Operation = keyof typeof routes;

/** Optional properties may also be present as undefined, as validated configs have them; JSON leaves them out. */
type Undefinable<T> = T extends object
  ? {
      [Key in keyof T]: Partial<Pick<T, Key>> extends Pick<T, Key>
        ? Undefinable<T[Key]> | undefined
        : Undefinable<T[Key]>;
    }
  : T;

/** The JSON body that an operation takes. */
type JsonBody<Op extends Operation> = operations[Op] extends {
  requestBody?: { content: { "application/json": infer Json } };
}
  ? Json
  : never;

/** The JSON bodies of an operation's 2xx responses. */
type Body<Op extends Operation> = Extract<JsonOf<operations[Op]["responses"]>, object>;
type JsonOf<Responses> = {
  [Status in keyof Responses]: Status extends 200 | 201
    ? Responses[Status] extends { content: { "application/json": infer Json } }
      ? Json
      : never
    : never;
}[keyof Responses];

interface Arguments {
  id?: string;
  /** Of a device in its path. */
  vdev?: string;
  vif?: string;
  force?: boolean;
  all?: boolean;
  body?: unknown;
}

/** The API of one pvhd. Every method throws `PvhError` only. Ids are uuids, names or domids. */
export class PvhClient {
  readonly socket: string;

  constructor(socket: string = defaultSocket()) {
    this.socket = socket;
  }

  /** @returns `created` false when a domain of this uuid and config existed */
  async createDomain(body: DomainRequest): Promise<{ domain: Domain; created: boolean }> {
    const { value, status } = await this.#call("createDomain", { body });
    return { domain: value, created: status === 201 };
  }

  /** @param all with those of the host that pvhd has not made */
  async listDomains(all = false): Promise<DomainSummary[]> {
    return (await this.#call("listDomains", { all })).value;
  }

  async getDomain(id: string): Promise<Domain> {
    return (await this.#call("getDomain", { id })).value;
  }

  async deleteDomain(id: string): Promise<void> {
    await this.#call("deleteDomain", { id });
  }

  /** The domain as it is after the action. */
  async act(id: string, action: DomainAction): Promise<Domain> {
    return (await this.#call(`${action}Domain`, { id })).value;
  }

  /** Says how much memory, how many vCPUs and what share of the processors the guest is to have, until it ends. */
  async changeDomain(id: string, body: DomainChange): Promise<Domain> {
    return (await this.#call("changeDomain", { id, body })).value;
  }

  /** @param key one character of Linux's Magic SysRq */
  async sendSysrq(id: string, key: string): Promise<Domain> {
    return (await this.#call("sendSysrq", { id, body: { key } })).value;
  }

  /** Says on which CPUs of the host vCPUs may run, until the domain ends. */
  async pin(id: string, body: Pinning): Promise<Domain> {
    return (await this.#call("pinDomain", { id, body })).value;
  }

  async trigger(id: string, trigger: Trigger, vcpu = 0): Promise<Domain> {
    return (await this.#call("triggerDomain", { id, body: { trigger, vcpu } })).value;
  }

  async rename(id: string, name: string): Promise<Domain> {
    return (await this.#call("renameDomain", { id, body: { name } })).value;
  }

  /** @param file absolute path on pvhd's host of a file that is not there yet */
  async dumpCore(id: string, file: string): Promise<Domain> {
    return (await this.#call("dumpDomain", { id, body: { file } })).value;
  }

  /** Paths are absolute, and pvhd's host's. */
  async save(id: string, body: SaveRequest): Promise<Domain> {
    return (await this.#call("saveDomain", { id, body })).value;
  }

  async restore(body: RestoreRequest): Promise<Domain> {
    return (await this.#call("restoreDomain", { body })).value;
  }

  /** Resolves with what is left here, when the domain runs on the other host. */
  async migrate(id: string, body: MigrationRequest): Promise<Domain> {
    return (await this.#call("migrateDomain", { id, body })).value;
  }

  async listDevices(id: string): Promise<Device[]> {
    return (await this.#call("listDevices", { id })).value;
  }

  async attachDisk(id: string, body: DiskRequest): Promise<Device> {
    return (await this.#call("attachDisk", { id, body })).value;
  }

  /** @param force without waiting for the guest to let go of it */
  async detachDisk(id: string, vdev: string, force = false): Promise<void> {
    await this.#call("detachDisk", { id, vdev, force });
  }

  async attachVif(id: string, body: VifRequest): Promise<Device> {
    return (await this.#call("attachVif", { id, body })).value;
  }

  /** @param vif devid or MAC address */
  async detachVif(id: string, vif: string, force = false): Promise<void> {
    await this.#call("detachVif", { id, vif, force });
  }

  openConsole(id: string): Promise<DomainConsole> {
    return openConsole(this.socket, pathOf("openConsole", { id }));
  }

  /** What the domain has printed, as far as it is kept. */
  async getConsoleLog(id: string): Promise<Uint8Array> {
    return (await exchange(this.socket, routes.getConsoleLog[0], pathOf("getConsoleLog", { id }))).bytes;
  }

  async getHost(): Promise<Host> {
    return (await this.#call("getHost")).value;
  }

  async #call<Op extends Operation>(
    operation: Op,
    { body, ...names }: Arguments = {},
  ): Promise<{ status: number; value: Body<Op> }> {
    const answer = await exchange(this.socket, routes[operation][0], pathOf(operation, names), body);
    // pvhd checks what it sends against the schemas that these types are made of.
    return { status: answer.status, value: answer.body as Body<Op> };
  }
}

function pathOf(
  operation: Operation,
  { id = "", vdev = "", vif = "", force = false, all = false }: Arguments,
): string {
  const path = routes[operation][1]
    .replace("{id}", encodeURIComponent(id))
    .replace("{vdev}", encodeURIComponent(vdev))
    .replace("{vif}", encodeURIComponent(vif));
  const query = [...(force ? ["force=true"] : []), ...(all ? ["all=1"] : [])];
  return query.length === 0 ? path : `${path}?${query.join("&")}`;
}
