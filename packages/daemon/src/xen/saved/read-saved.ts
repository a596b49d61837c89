import type { XenWorkers } from "../workers.ts";
import { dataOfLibxl } from "./from-libxl.ts";
import type { SavedTexts } from "./head.ts";
import { decodeOwnData, type OwnData } from "./own-data.ts";

/**
 * What is needed of a saved domain besides its memory: what pvhd has written of it, else what libxl's config says.
 *
 * @throws PvhError FILE_UNREADABLE, a SAVED_ code, or a CONFIG_ code that says what is wrong or missing
 */
export async function readSavedDomain(workers: XenWorkers, file: string): Promise<OwnData> {
  return dataOfTexts(await workers.run("read-saved", { file }));
}

/** @throws PvhError a SAVED_ or CONFIG_ code */
export function dataOfTexts({ libxl, own }: SavedTexts): OwnData {
  const data = own === undefined ? undefined : decodeOwnData(own);
  const { config, ...rest } = data ?? dataOfLibxl(libxl);
  // As from libxl's config: a file must not name a program that pvhd runs.
  const { device_model_override: _, ...without } = config;
  return { ...rest, config: without };
}
