import { createHash } from "node:crypto";
import { HVM_SAVE_CODE, hvmHwCpu, hvmSaveDescriptor, PAGE_SIZE } from "@pvh/abi";
import type { XenStore } from "@pvh/xenctl-ffi";
import type { ForeignMemory, XenControl } from "@pvh/xenctl-ffi/native";

/** Most indexes of HVM parameters that any release has. */
const HVM_PARAMS = 39;
/** Ports of a fresh domain, and some beyond. */
const PORTS = 6;
/** Where libxl puts ACPI; as much of it as a domain has. */
const ACPI_AREA = { gpa: 0xfc000000, size: 20 * PAGE_SIZE };
const ZEROS = Buffer.alloc(PAGE_SIZE);
/** Frames that are read at a time. */
const BATCH = 512;

/** A domain's state by name; what must be equal has equal texts. */
export type Snapshot = Map<string, string>;

export interface SnapshotHost {
  control: XenControl;
  memory: ForeignMemory;
  store: XenStore;
}

/**
 * All that a toolstack decides about a paused domain and domain 0 can see: getdomaininfo, HVM parameters, HVM context,
 * event channels, store nodes with permissions, every page of memory. Numbers and uuids of the domain are named instead.
 *
 * @param nameOf what stands at a frame
 */
export async function snapshot(
  { control, memory, store }: SnapshotHost,
  domid: number,
  uuid: string,
  ranges: readonly { gpa: number; size: number }[],
): Promise<Snapshot> {
  const found: Snapshot = new Map();
  const info = control.domain(domid);
  if (info === undefined) throw new Error(`there is no domain ${domid}`);
  const { domain, handle, cpu_time, shared_info_frame, ...comparable } = info;
  for (const [name, value] of Object.entries(comparable)) found.set(`getdomaininfo ${name}`, String(value));
  for (let index = 0; index < HVM_PARAMS; index++) {
    found.set(
      `HVM parameter ${index}`,
      attempt(() => `0x${control.getParam(domid, index).toString(16)}`),
    );
  }
  for (const [name, text] of records(control.getContext(domid))) found.set(`HVM context ${name}`, text);
  for (let port = 1; port <= PORTS; port++) {
    found.set(
      `event channel ${port}`,
      attempt(() => {
        const { status, vcpu, remote_dom } = control.channelStatus(domid, port);
        return `status ${status} vcpu ${vcpu} remote ${remote_dom}`;
      }),
    );
  }
  const named = (text: string) =>
    text
      .replaceAll(uuid, "UUID")
      .replaceAll(new RegExp(`(?<=/domain/|/libxl/|backend/[a-z]+/|vif)${domid}(?=/|\\.|$)`, "g"), "N");
  const roots = [`/local/domain/${domid}`, `/vm/${uuid}`, `/libxl/${domid}`];
  const kinds = await store.list("/local/domain/0/backend");
  roots.push(...kinds.map((kind) => `/local/domain/0/backend/${kind}/${domid}`));
  for (const root of roots) {
    for (const [path, text] of await nodes(store, root)) {
      const permissions = text.permissions
        .map(({ domid: whose, access }) => `${access[0]}${whose === domid ? "N" : whose}`)
        .join(",");
      const isDomid = /\/(domid|frontend-id)$/.test(path) && text.value === String(domid);
      const value = isDomid ? "N" : named(text.value);
      found.set(`store ${named(path)}`, `${JSON.stringify(value)} ${permissions}`);
    }
  }
  for (let at = ACPI_AREA.gpa; at < ACPI_AREA.gpa + ACPI_AREA.size; at += PAGE_SIZE) {
    found.set(
      `page 0x${at.toString(16)}`,
      attempt(() => digestOf(memory.read(domid, at, PAGE_SIZE))),
    );
  }
  for (const { gpa, size } of ranges) {
    if (gpa === ACPI_AREA.gpa) continue;
    for (let at = gpa; at < gpa + size; at += BATCH * PAGE_SIZE) {
      const bytes = memory.read(domid, at, Math.min(BATCH * PAGE_SIZE, gpa + size - at));
      for (let page = 0; page < bytes.length; page += PAGE_SIZE) {
        const contents = bytes.subarray(page, page + PAGE_SIZE);
        // Most pages are empty, and hashing is slow here.
        if (Buffer.compare(contents, ZEROS) === 0) continue;
        found.set(`page 0x${(at + page).toString(16)}`, digestOf(contents));
      }
    }
  }
  return found;
}

function digestOf(contents: Uint8Array): string {
  return createHash("sha256").update(contents).digest("hex").slice(0, 16);
}

function attempt(work: () => string): string {
  try {
    return work();
  } catch (error) {
    return error instanceof Error ? error.message.replace(/\(\d+/, "(N") : String(error);
  }
}

function* records(stream: Uint8Array): Generator<[string, string]> {
  for (let at = 0; at < stream.length; ) {
    const { typecode, instance, length } = hvmSaveDescriptor.decode(stream, at);
    at += hvmSaveDescriptor.size;
    const body = stream.subarray(at, at + length);
    if (typecode === HVM_SAVE_CODE.CPU) yield* registers(instance, body);
    else yield [`type ${typecode} vCPU ${instance}`, Buffer.from(body).toString("hex")];
    at += length;
    if (typecode === 0) return;
  }
}

function* registers(vcpu: number, record: Uint8Array): Generator<[string, string]> {
  for (const [name, value] of Object.entries(hvmHwCpu.decode(record))) {
    const text = value instanceof Uint8Array ? Buffer.from(value).toString("hex") : `0x${value.toString(16)}`;
    yield [`vCPU ${vcpu} ${name}`, text];
  }
}

interface Node {
  value: string;
  permissions: readonly { domid: number; access: string }[];
}

async function nodes(store: XenStore, path: string): Promise<[string, Node][]> {
  const [value, permissions] = await Promise.all([store.read(path), store.permissions(path)]);
  if (value === undefined || permissions === undefined) return [];
  const below = await store.list(path);
  const rest = await Promise.all(below.map((name) => nodes(store, `${path}/${name}`)));
  return [[path, { value, permissions }], ...rest.flat()];
}
