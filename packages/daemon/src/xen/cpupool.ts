import { PvhError } from "@pvh/errors";
import { type StoreView, textOfUtf8 } from "@pvh/xenctl-ffi";

const POOLS = "/local/pool";

/**
 * The number of the cpupool of this name; without a name that of the one which every host has.
 *
 * @throws PvhError CONFIG_INVALID
 */
export async function cpupoolNamed(view: StoreView, name: string | undefined): Promise<number> {
  if (name === undefined) return 0;
  const ids = await view.list(POOLS);
  const names = await Promise.all(ids.map((id) => view.read(`${POOLS}/${id}/name`)));
  const texts = names.map((one) => textOfUtf8(one ?? ""));
  const id = ids[texts.indexOf(name)];
  if (id !== undefined) return Number(id);
  throw new PvhError(
    "CONFIG_INVALID",
    `pool is ${JSON.stringify(name)}, but the host has ${texts.join(", ") || "no named cpupool"}.`,
    { field: "pool", found: name, allowed: texts.join(", ") },
  );
}
