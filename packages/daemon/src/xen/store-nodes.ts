import type { GuestConfig } from "@pvh/builder";
import { PvhError } from "@pvh/errors";
import { populateGuest } from "@pvh/kvm/xenstore";
import { makeChanges, record, type StoreView, textOfUtf8, utf8Text, type XenStore } from "@pvh/xenctl-ffi";
import type { BuiltDomain } from "./worker/tasks.ts";

const KIB_PER_MIB = 1024;

export const homeOf = (domid: number): string => `/local/domain/${domid}`;

/** Writes what libxl does for a PVH domain, and has xenstored serve it. */
export async function enterStore(
  store: XenStore,
  uuid: string,
  config: GuestConfig,
  { domid, store: storePage, console }: Pick<BuiltDomain, "domid" | "store" | "console">,
): Promise<void> {
  const { name, memory, maxmem = memory, vcpus, maxvcpus = vcpus } = config;
  const changes = record((client) =>
    populateGuest(client, {
      domid,
      name,
      uuid,
      memoryKiB: memory * KIB_PER_MIB,
      maxMemoryKiB: maxmem * KIB_PER_MIB,
      vcpus,
      maxVcpus: maxvcpus,
      store: storePage,
      console,
      startTime: Date.now(),
    }),
  );
  // Nobody waits for them yet, and a transaction costs xenstored as much again.
  await makeChanges(store, changes.flat());
  await store.introduce(domid, storePage.gfn, storePage.port);
}

/**
 * Removes what the store has of a domain, its devices' back ends too. What belongs to a uuid stays when another domain has
 * that by now, to which this one has moved.
 */
export async function leaveStore(store: XenStore, domid: number, uuid: string): Promise<void> {
  const backEnds = `${homeOf(0)}/backend`;
  const [kinds, vms] = await Promise.all([store.list(backEnds), vmsOf(store, domid, uuid)]);
  const paths = [
    ...kinds.map((kind) => `${backEnds}/${kind}/${domid}`),
    homeOf(domid),
    `${homeOf(0)}/device-model/${domid}`,
    ...vms,
    `/libxl/${domid}`,
  ];
  await makeChanges(
    store,
    paths.map((path) => ({ kind: "remove", path })),
  );
}

/** What belongs to a domain's uuid, and to the other one that it has when it was just becoming another domain. */
async function vmsOf(store: XenStore, domid: number, uuid: string): Promise<string[]> {
  const named = `/vm/${uuid}`;
  const vms = [...new Set([named, (await store.read(`${homeOf(domid)}/vm`)) ?? named])];
  // Whoever may read it has it.
  const readers = await Promise.all(vms.map((vm) => store.permissions(vm)));
  return vms.filter((_, i) => !readers[i]?.some((one) => one.domid !== 0 && one.domid !== domid));
}

/**
 * The names of domains, whoever has made them, by their domids.
 *
 * @param known those that are left out
 */
export async function namesOfDomains(
  view: StoreView,
  known: ReadonlySet<number> = new Set(),
): Promise<Map<number, string>> {
  const domids = (await view.list("/local/domain")).filter((domid) => !known.has(Number(domid)));
  const names = await Promise.all(domids.map((domid) => view.read(`/local/domain/${domid}/name`)));
  return new Map(domids.map((domid, i) => [Number(domid), textOfUtf8(names[i] ?? "")]));
}

/** The domains that the store has a uuid for: two while one of them moves to the other. */
export async function domidsOf(view: StoreView, uuid: string): Promise<number[]> {
  const domids = await view.list("/local/domain");
  const paths = await Promise.all(domids.map((domid) => view.read(`/local/domain/${domid}/vm`)));
  return domids.filter((_, i) => paths[i] === `/vm/${uuid}`).map(Number);
}

/**
 * @param known domains that may have it, or surely have another one
 * @throws PvhError DOMAIN_NAME_TAKEN
 */
export async function refuseTakenName(
  view: StoreView,
  name: string,
  known: ReadonlySet<number>,
): Promise<void> {
  const [holder] = [...(await namesOfDomains(view, known))].find(([, one]) => one === name) ?? [];
  if (holder === undefined) return;
  throw new PvhError(
    "DOMAIN_NAME_TAKEN",
    `The name ${JSON.stringify(name)} belongs to domain ${holder} of this Xen host (see xl list); choose another name, or destroy that domain.`,
    { field: "name", found: name },
  );
}

/** libxl__domain_rename. */
export function renameInStore(store: XenStore, domid: number, uuid: string, name: string): Promise<void> {
  return store.transaction(async (view) => {
    await refuseTakenName(view, name, new Set([domid]));
    const title = utf8Text(name);
    await Promise.all([view.write(`${homeOf(domid)}/name`, title), view.write(`/vm/${uuid}/name`, title)]);
  });
}

/**
 * The domain becomes another one: so that a new one can have its name and uuid (libxl_domain_preserve), or because it is the
 * one by now that it came from.
 */
export function changeIdentityInStore(
  store: XenStore,
  domid: number,
  { uuid, name }: { uuid: string; name: string },
): Promise<void> {
  return store.transaction(async (view) => {
    await refuseTakenName(view, name, new Set([domid, ...(await domidsOf(view, uuid))]));
    const vm = `/vm/${uuid}`;
    const before = (await view.read(`${homeOf(domid)}/vm`)) ?? vm;
    const started = await view.read(`${before}/start_time`);
    const title = utf8Text(name);
    await Promise.all([
      view.remove(before),
      view.write(vm, ""),
      view.setPermissions(vm, [
        { domid: 0, access: "none" },
        { domid, access: "read" },
      ]),
      view.write(`${vm}/uuid`, uuid),
      view.write(`${vm}/name`, title),
      ...(started === undefined ? [] : [view.write(`${vm}/start_time`, started)]),
      view.write(`${homeOf(domid)}/vm`, vm),
      view.write(`${homeOf(domid)}/name`, title),
    ]);
  });
}

/** How long xenconsoled gets to serve a new domain, as in xl. */
const CONSOLE_MS = 10_000;

/** @throws PvhError HOST_UNSUPPORTED */
export async function untilConsole(store: XenStore, domid: number): Promise<void> {
  const tty = await waitForNode(
    store,
    `${homeOf(domid)}/console/tty`,
    (value) => (value ?? "") !== "",
    CONSOLE_MS,
  );
  if (tty !== undefined) return;
  throw new PvhError(
    "HOST_UNSUPPORTED",
    `xenconsoled has given the domain no console within ${CONSOLE_MS / 1000} s; start it (service xen start, or xenconsoled).`,
    { field: "console/tty", found: "nothing" },
  );
}

/**
 * Resolves with the value of a node when `wanted` accepts it; undefined when that did not happen in time.
 */
export async function waitForNode(
  store: XenStore,
  path: string,
  wanted: (value: string | undefined) => boolean,
  timeoutMs: number,
): Promise<{ value: string | undefined } | undefined> {
  const found = Promise.withResolvers<{ value: string | undefined } | undefined>();
  const look = async () => {
    const value = await store.read(path);
    if (wanted(value)) found.resolve({ value });
  };
  const timer = setTimeout(() => found.resolve(undefined), timeoutMs);
  try {
    const stop = await store.watch(path, () => void look().catch(found.reject));
    try {
      return await found.promise;
    } finally {
      await stop().catch(() => {});
    }
  } finally {
    clearTimeout(timer);
  }
}
