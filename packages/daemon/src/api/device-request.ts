import { type DiskConfig, parseDisk, parseVif, type VifConfig } from "@pvh/builder";
import { refuseRelative } from "./domain-request.ts";

/** Reads the body of `POST /domains/{id}/disks`: a text in xl's syntax, or an object of options. */
export function readDiskRequest(body: unknown): DiskConfig {
  const disk = parseDisk(body);
  refuseRelative("disk.target", disk.target);
  return disk;
}

/** Reads the body of `POST /domains/{id}/vifs`, in the same two forms. */
export function readVifRequest(body: unknown): VifConfig {
  return parseVif(body);
}
