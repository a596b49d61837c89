import { PvhError } from "@pvh/errors";
import { type StoreView, textOfUtf8 } from "@pvh/xenctl-ffi";

const POOLS = "/local/pool";

/** By the pools' numbers. */
export async function namesOfCpupools(view: StoreView): Promise<Map<number, string>> {
  const ids = await view.list(POOLS);
  const names = await Promise.all(ids.map((id) => view.read(`${POOLS}/${id}/name`)));
  return new Map(ids.map((id, i) => [Number(id), textOfUtf8(names[i] ?? "")]));
}

/**
 * The number of the cpupool of this name; without a name that of the one which every host has.
 *
 * @throws PvhError CONFIG_INVALID
 */
export async function cpupoolNamed(view: StoreView, name: string | undefined): Promise<number> {
  if (name === undefined) return 0;
  const names = await namesOfCpupools(view);
  const texts = [...names.values()];
  const id = [...names.keys()][texts.indexOf(name)];
  if (id !== undefined) return id;
  throw new PvhError(
    "CONFIG_INVALID",
    `pool is ${JSON.stringify(name)}, but the host has ${texts.join(", ") || "no named cpupool"}.`,
    { field: "pool", found: name, allowed: texts.join(", ") },
  );
}
