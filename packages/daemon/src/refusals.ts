import { isDeepStrictEqual } from "node:util";
import { GuestConfig } from "@pvh/builder";
import { PvhError, shown } from "@pvh/errors";
import type { DomainRecord } from "./domain.ts";

/** What is not done to or with a domain, and why. */

/** @throws PvhError CONFIG_INVALID */
export function requireName(name: string): void {
  const { error } = GuestConfig.shape.name.safeParse(name);
  if (error === undefined) return;
  const allowed = "a text of 1 to 255 bytes without control characters and /, not like a domid or a uuid";
  throw new PvhError("CONFIG_INVALID", `name is ${shown(name)}; it must be ${allowed}.`, {
    field: "name",
    found: shown(name),
    allowed,
  });
}

/** A request with a known uuid may be repeated, but not be another one. @throws PvhError DOMAIN_UUID_TAKEN */
export function refuseOtherRequest(known: DomainRecord, wanted: GuestConfig, startPaused: boolean): void {
  if (isDeepStrictEqual(known.config, wanted) && known.startPaused === startPaused) return;
  throw new PvhError(
    "DOMAIN_UUID_TAKEN",
    `The uuid ${known.uuid} belongs to the domain ${JSON.stringify(known.name)}, which has another config; leave uuid out, or delete that domain.`,
    { field: "uuid", found: known.uuid },
  );
}

export function uuidTaken({ uuid, name, state }: DomainRecord): PvhError {
  return new PvhError(
    "DOMAIN_UUID_TAKEN",
    `The uuid ${uuid} belongs to the domain ${JSON.stringify(name)}, which is ${state}; destroy that domain first.`,
    { field: "uuid", found: uuid },
  );
}

export function nameTaken(holder: DomainRecord): PvhError {
  return new PvhError(
    "DOMAIN_NAME_TAKEN",
    `The name ${JSON.stringify(holder.name)} belongs to a domain that is ${holder.state} (${holder.uuid}); choose another name, or destroy that domain.`,
    { field: "name", found: holder.name },
  );
}

export function wrongState(record: DomainRecord, action: string): PvhError {
  return new PvhError(
    "DOMAIN_STATE",
    `The domain ${JSON.stringify(record.name)} is ${record.state}; only a live one can be told to ${action}.`,
    { field: "state", found: record.state },
  );
}
