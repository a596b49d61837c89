import { XS } from "@pvh/abi";
import { expect, test } from "vitest";
import { LocalClient } from "./local-client.ts";
import { type GuestNodes, populateDomain0, populateGuest, removeGuest } from "./populate.ts";
import { TestClient } from "./store.testing.ts";
import { Store } from "./store.ts";

const guest: GuestNodes = {
  domid: 5,
  name: "Gästin",
  uuid: "01234567-89ab-cdef-0123-456789abcdef",
  memoryKiB: 262144,
  maxMemoryKiB: 524288,
  vcpus: 1,
  maxVcpus: 2,
  store: { gfn: 0xfeff8, port: 1 },
  console: { gfn: 0xfefff, port: 2 },
  startTime: 1_700_000_000_120,
};

function populated() {
  const store = new Store();
  store.domains.add(guest.domid, store.generation);
  const client = new LocalClient(store);
  populateDomain0(client);
  populateGuest(client, guest);
  return { store, client, dom0: new TestClient(store, 0), inside: new TestClient(store, guest.domid) };
}

/** Every node below as `path = value (permissions)`, like xenstore-ls -fp. */
function dump(client: TestClient, path: string): string[] {
  const permissions = client.ask(XS.GET_PERMS, `${path}\0`).split("\0").filter(Boolean).join(",");
  const names = client.ask(XS.DIRECTORY, `${path}\0`).split("\0").filter(Boolean);
  const below = names.flatMap((name) => dump(client, path === "/" ? `/${name}` : `${path}/${name}`));
  return [`${path} = ${client.ask(XS.READ, `${path}\0`)} (${permissions})`, ...below];
}

/** What libxl 4.17 leaves for such a domain. */
const expected = `
/local/domain/5 =  (n0,r5)
/local/domain/5/vm = /vm/01234567-89ab-cdef-0123-456789abcdef (n0,r5)
/local/domain/5/name = G\u00c3\u00a4stin (n0,r5)
/local/domain/5/cpu =  (n0,r5)
/local/domain/5/cpu/0 =  (n0,r5)
/local/domain/5/cpu/0/availability = online (n0,r5)
/local/domain/5/cpu/1 =  (n0,r5)
/local/domain/5/cpu/1/availability = offline (n0,r5)
/local/domain/5/memory =  (n0,r5)
/local/domain/5/memory/static-max = 524288 (n0,r5)
/local/domain/5/memory/target = 262144 (n0,r5)
/local/domain/5/memory/videoram = 0 (n0,r5)
/local/domain/5/device =  (n0,r5)
/local/domain/5/device/suspend =  (n0,r5)
/local/domain/5/device/suspend/event-channel =  (n5)
/local/domain/5/control =  (n0,r5)
/local/domain/5/control/shutdown =  (n5)
/local/domain/5/control/feature-poweroff =  (n5)
/local/domain/5/control/feature-reboot =  (n5)
/local/domain/5/control/feature-suspend =  (n5)
/local/domain/5/control/sysrq =  (n5)
/local/domain/5/control/platform-feature-multiprocessor-suspend = 1 (n0,r5)
/local/domain/5/control/platform-feature-xs_reset_watches = 1 (n0,r5)
/local/domain/5/data =  (n5)
/local/domain/5/drivers =  (n5)
/local/domain/5/feature =  (n5)
/local/domain/5/attr =  (n5)
/local/domain/5/error =  (n5)
/local/domain/5/domid = 5 (n0,r5)
/local/domain/5/store =  (n0,r5)
/local/domain/5/store/port = 1 (n0,r5)
/local/domain/5/store/ring-ref = 1044472 (n0,r5)
/local/domain/5/console =  (n0,r5)
/local/domain/5/console/backend = /local/domain/0/backend/console/5/0 (n0,r5)
/local/domain/5/console/backend-id = 0 (n5,r0)
/local/domain/5/console/limit = 1048576 (n0,r5)
/local/domain/5/console/type = xenconsoled (n0,r5)
/local/domain/5/console/output = pty (n0,r5)
/local/domain/5/console/tty =  (n0,r5)
/local/domain/5/console/port = 2 (n0,r5)
/local/domain/5/console/ring-ref = 1044479 (n0,r5)
/vm/01234567-89ab-cdef-0123-456789abcdef =  (n0,r5)
/vm/01234567-89ab-cdef-0123-456789abcdef/uuid = 01234567-89ab-cdef-0123-456789abcdef (n0,r5)
/vm/01234567-89ab-cdef-0123-456789abcdef/name = G\u00c3\u00a4stin (n0,r5)
/vm/01234567-89ab-cdef-0123-456789abcdef/start_time = 1700000000.12 (n0,r5)
/libxl/5 =  (n0)
/libxl/5/device =  (n0)
/libxl/5/device/console =  (n0)
/libxl/5/device/console/0 =  (n0)
/libxl/5/device/console/0/frontend = /local/domain/5/console (n0)
/libxl/5/device/console/0/backend = /local/domain/0/backend/console/5/0 (n0)
/libxl/5/device/console/0/frontend-id = 5 (n0)
/libxl/5/device/console/0/online = 1 (n0)
/libxl/5/device/console/0/state = 1 (n0)
/libxl/5/device/console/0/protocol = vt100 (n0)
/libxl/5/type = pvh (n0)
/libxl/5/dm-version = qemu_xen (n0)
/local/domain/0 =  (n0)
/local/domain/0/domid = 0 (n0)
/local/domain/0/name = Domain-0 (n0)
/local/domain/0/backend =  (n0)
/local/domain/0/backend/console =  (n0)
/local/domain/0/backend/console/5 =  (n0)
/local/domain/0/backend/console/5/0 =  (n0,r5)
/local/domain/0/backend/console/5/0/frontend = /local/domain/5/console (n0,r5)
/local/domain/0/backend/console/5/0/frontend-id = 5 (n0,r5)
/local/domain/0/backend/console/5/0/online = 1 (n0,r5)
/local/domain/0/backend/console/5/0/state = 1 (n0,r5)
/local/domain/0/backend/console/5/0/protocol = vt100 (n0,r5)
`;

test("a guest finds what libxl would have written", () => {
  const { dom0 } = populated();
  const roots = ["/local/domain/5", `/vm/${guest.uuid}`, "/libxl/5", "/local/domain/0"];
  expect(roots.flatMap((path) => dump(dom0, path))).toEqual(expected.trim().split("\n"));
});

test("the guest can do with it what its drivers do", () => {
  const { inside } = populated();
  expect(inside.ask(XS.READ, "memory/target\0")).toBe("262144");
  expect(inside.ask(XS.READ, "control/shutdown\0")).toBe("");
  for (const node of [
    "control/shutdown",
    "control/feature-poweroff",
    "data/x",
    "device/suspend/event-channel",
  ]) {
    expect(inside.ask(XS.WRITE, `${node}\x001`)).toBe("OK");
  }
  for (const node of ["memory/target", "name", "control/other", "device/vbd", "console/tty", "x"]) {
    expect(inside.ask(XS.WRITE, `${node}\x001`)).toBe("EACCES");
  }
  expect(inside.ask(XS.DIRECTORY, "/libxl/5\0")).toBe("EACCES");
  expect(inside.ask(XS.DIRECTORY, "device\0")).toBe("suspend");
});

test("populating again starts afresh, and removing leaves only domain 0", () => {
  const { client, dom0, inside } = populated();
  inside.ask(XS.WRITE, "data/left\0");
  populateGuest(client, guest);
  expect(client.list("/local/domain/5/data")).toEqual([]);
  removeGuest(client, guest);
  expect(client.list("/local/domain")).toEqual(["0"]);
  expect(dump(dom0, "/vm").length + dump(dom0, "/libxl").length).toBe(2);
  expect(client.list("/local/domain/0/backend/console")).toEqual([]);
});
