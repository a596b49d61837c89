import { utf8Text } from "./byte-text.ts";
import type { Permission, StoreClient } from "./client.ts";
import { homeOf } from "./paths.ts";

/** A page of the guest and the event channel port that goes with it. */
export interface RingPage {
  gfn: number;
  /** The guest's port. */
  port: number;
}

/** What the store says about a guest before it starts. */
export interface GuestNodes {
  domid: number;
  name: string;
  /** Lower case, 8-4-4-4-12 digits. */
  uuid: string;
  /** What the guest starts with and is asked to keep to. */
  memoryKiB: number;
  maxMemoryKiB: number;
  /** vCPUs that are online. */
  vcpus: number;
  maxVcpus: number;
  store: RingPage;
  console: RingPage;
  /** When the domain was started; milliseconds since 1970. */
  startTime?: number;
}

/** What xen-init-dom0 writes. */
export function populateDomain0(store: StoreClient): void {
  store.write(`${homeOf(0)}/domid`, "0");
  store.write(`${homeOf(0)}/name`, "Domain-0");
}

/** Writes what libxl 4.17 writes for a PVH domain. What was there of a domain with the same id goes. */
export function populateGuest(store: StoreClient, guest: GuestNodes): void {
  store.transaction((client) => makeDomain(client, guest));
  store.transaction((client) => describeBuild(client, guest));
  store.transaction((client) => addConsole(client, guest));
}

/** Removes what {@link populateGuest} has written, and the devices. */
export function removeGuest(store: StoreClient, { domid, uuid }: Pick<GuestNodes, "domid" | "uuid">): void {
  store.transaction((client) => {
    const backEnds = `${homeOf(0)}/backend`;
    for (const kind of client.list(backEnds)) client.remove(`${backEnds}/${kind}/${domid}`);
    for (const path of [homeOf(domid), `/vm/${uuid}`, `/libxl/${domid}`]) client.remove(path);
  });
}

const ownedBy = (domid: number): Permission => ({ domid, access: "none" });
const readableBy = (domid: number): Permission => ({ domid, access: "read" });

/** An empty node with the permissions. */
function makeNode(client: StoreClient, path: string, permissions: readonly Permission[]): void {
  client.write(path, "");
  client.setPermissions(path, permissions);
}

/** libxl__domain_make. */
function makeDomain(client: StoreClient, { domid, name, uuid }: GuestNodes): void {
  const home = homeOf(domid);
  const vm = `/vm/${uuid}`;
  const libxl = `/libxl/${domid}`;
  const toolstack = [ownedBy(0)];
  const readable = [ownedBy(0), readableBy(domid)];
  const guest = [ownedBy(domid)];
  const title = utf8Text(name);

  for (const path of [home, vm, libxl]) client.remove(path);
  makeNode(client, home, readable);
  makeNode(client, vm, readable);
  makeNode(client, libxl, toolstack);
  makeNode(client, `${libxl}/device`, toolstack);
  client.write(`${home}/vm`, vm);
  client.write(`${home}/name`, title);
  for (const node of ["cpu", "memory", "device"]) makeNode(client, `${home}/${node}`, readable);
  makeNode(client, `${home}/device/suspend/event-channel`, guest);
  makeNode(client, `${home}/control`, readable);
  for (const node of guestNodes) makeNode(client, `${home}/${node}`, guest);
  client.write(`${vm}/uuid`, uuid);
  client.write(`${vm}/name`, title);
  client.write(`${home}/control/platform-feature-multiprocessor-suspend`, "1");
  client.write(`${home}/control/platform-feature-xs_reset_watches`, "1");
  client.write(`${libxl}/type`, "pvh");
}

/** Below the guest's home, its own. mini-os crashes when control/shutdown is missing. */
const guestNodes = [
  "control/shutdown",
  "control/feature-poweroff",
  "control/feature-reboot",
  "control/feature-suspend",
  "control/sysrq",
  "data",
  "drivers",
  "feature",
  "attr",
  "error",
];

/** libxl__build_post. */
function describeBuild(client: StoreClient, guest: GuestNodes): void {
  const home = homeOf(guest.domid);
  client.write(`/libxl/${guest.domid}/dm-version`, "qemu_xen");
  const nodes = {
    "memory/static-max": guest.maxMemoryKiB,
    "memory/target": guest.memoryKiB,
    "memory/videoram": 0,
    domid: guest.domid,
    "store/port": guest.store.port,
    "store/ring-ref": guest.store.gfn,
  };
  for (const [node, value] of Object.entries(nodes)) client.write(`${home}/${node}`, `${value}`);
  for (let vcpu = 0; vcpu < guest.maxVcpus; vcpu++) {
    client.write(`${home}/cpu/${vcpu}/availability`, vcpu < guest.vcpus ? "online" : "offline");
  }
  if (guest.startTime !== undefined) {
    client.write(`/vm/${guest.uuid}/start_time`, (guest.startTime / 1000).toFixed(2));
  }
}

/** libxl__device_console_add of console 0, whose front end is not below device/. */
function addConsole(client: StoreClient, { domid, console }: GuestNodes): void {
  const front = `${homeOf(domid)}/console`;
  const back = `${homeOf(0)}/backend/console/${domid}/0`;
  const libxl = `/libxl/${domid}/device/console/0`;
  const readable = [ownedBy(0), readableBy(domid)];
  const backNodes = { "frontend-id": `${domid}`, online: "1", state: "1", protocol: "vt100" };
  const frontNodes = {
    limit: "1048576",
    type: "xenconsoled",
    output: "pty",
    tty: "",
    port: `${console.port}`,
    "ring-ref": `${console.gfn}`,
  };
  client.remove(libxl);
  writeAll(client, libxl, { frontend: front, backend: back });
  client.remove(front);
  makeNode(client, front, readable);
  client.write(`${front}/backend`, back);
  client.write(`${front}/backend-id`, "0");
  client.setPermissions(`${front}/backend-id`, [ownedBy(domid), readableBy(0)]);
  writeAll(client, front, frontNodes);
  client.remove(back);
  makeNode(client, back, readable);
  writeAll(client, back, { frontend: front, ...backNodes });
  writeAll(client, libxl, backNodes);
}

function writeAll(client: StoreClient, path: string, nodes: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(nodes)) client.write(`${path}/${name}`, value);
}
