import type { GuestConfig } from "@pvh/builder";
import { populateGuest } from "@pvh/kvm/xenstore";
import { record, type XenStore } from "@pvh/xenctl-ffi";
import type { BuiltDomain } from "./worker/tasks.ts";

const KIB_PER_MIB = 1024;

export const homeOf = (domid: number): string => `/local/domain/${domid}`;

/** Writes what libxl does for a PVH domain, and has xenstored serve it. */
export async function enterStore(
  store: XenStore,
  uuid: string,
  config: GuestConfig,
  { domid, store: storePage, console }: BuiltDomain,
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
  await store.apply(changes.flat());
  await store.introduce(domid, storePage.gfn, storePage.port);
}

/** Removes what the store has of a domain, its devices' back ends too. */
export async function leaveStore(store: XenStore, domid: number, uuid: string): Promise<void> {
  const backEnds = `${homeOf(0)}/backend`;
  const kinds = await store.list(backEnds);
  const paths = [
    ...kinds.map((kind) => `${backEnds}/${kind}/${domid}`),
    homeOf(domid),
    `/vm/${uuid}`,
    `/libxl/${domid}`,
  ];
  await store.apply(paths.map((path) => ({ kind: "remove", path })));
}

/** Domid of the domain of that name, whoever has made it. */
export async function domidOfName(store: XenStore, name: string): Promise<number | undefined> {
  const domids = await store.list("/local/domain");
  const names = await Promise.all(domids.map((domid) => store.read(`/local/domain/${domid}/name`)));
  const at = names.indexOf(Buffer.from(name).toString("latin1"));
  return at < 0 ? undefined : Number(domids[at]);
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
