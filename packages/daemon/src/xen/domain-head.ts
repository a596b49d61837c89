import { currentConfig } from "./current-config.ts";
import type { DeviceHost } from "./devices.ts";
import type { DomainFile } from "./files.ts";
import { encodeHead } from "./saved/head.ts";
import { libxlConfig } from "./saved/libxl-config.ts";
import { encodeOwnData } from "./saved/own-data.ts";

/** What stands before a domain's memory, in a file or on its way to another host: what it has at the moment. */
export async function headOf(host: DeviceHost, domain: DomainFile): Promise<Uint8Array> {
  const config = await currentConfig(host, domain);
  return encodeHead({
    libxl: JSON.stringify(libxlConfig(config, domain)),
    own: encodeOwnData({ config, memoryMap: domain.memoryMap, msrRelaxed: domain.msrRelaxed }),
  });
}
