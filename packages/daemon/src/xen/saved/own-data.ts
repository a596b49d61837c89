import { isAbsolute } from "node:path";
import { type GuestConfig, validateGuestConfig } from "@pvh/builder";
import { z } from "zod";
import { notSaved, otherVersion } from "./problems.ts";

const FORMAT = "pvhd";
const VERSION = 1;

/** Of the memory map that the guest found; bytes, and a type of the E820. */
export const MemoryRange = z.object({ gpa: z.int().min(0), size: z.int().min(0), type: z.int().min(0) });
export type MemoryRange = z.infer<typeof MemoryRange>;

/** As many as the hypervisor keeps for a domain (E820MAX). */
const MAX_RANGES = 128;

/** What pvhd knows of a domain beyond libxl's config. */
export interface OwnData {
  /** What the domain has at the moment, its devices and memory too. */
  config: GuestConfig;
  /** Absent when it is not known. */
  memoryMap?: MemoryRange[] | undefined;
  /** Whether reads of unknown MSRs give 0 instead of a fault; xl's domains may have that. */
  msrRelaxed?: boolean | undefined;
}

const Envelope = z.object({ format: z.literal(FORMAT), version: z.int() });
const Contents = z.object({
  config: z.unknown(),
  memoryMap: z.array(MemoryRange).max(MAX_RANGES).optional(),
  msrRelaxed: z.boolean().optional(),
});

export function encodeOwnData(data: OwnData): string {
  return JSON.stringify({ format: FORMAT, version: VERSION, ...data });
}

/**
 * @returns undefined for what another tool has written there
 * @throws PvhError SAVED_FORMAT or SAVED_VERSION, or a CONFIG_ code that says what is wrong with the config
 */
export function decodeOwnData(text: string): OwnData | undefined {
  const document = parsed(text);
  const envelope = Envelope.safeParse(document);
  if (!envelope.success) return undefined;
  const { version } = envelope.data;
  if (version > VERSION) {
    throw otherVersion(
      `was saved by a newer pvhd, in version ${version} of its format; restore it with that`,
      {
        found: version,
        allowed: VERSION,
      },
    );
  }
  const contents = Contents.safeParse(document);
  if (!contents.success) throw notSaved("has damaged data of pvhd", { cause: contents.error });
  const { config: raw, ...rest } = contents.data;
  const config = validateGuestConfig(raw);
  const paths = [config.kernel, config.ramdisk ?? "/", ...config.disk.map(({ target }) => target)];
  if (!paths.every(isAbsolute)) throw notSaved("has relative paths in its config");
  return { config, ...rest };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
