import type { DiskConfig } from "@pvh/builder";
import { PvhError } from "@pvh/errors";

/**
 * What it means when QEMU does not serve a disk that is read-only: it opens the file for reading and what is above it for
 * writing (7.2 does), and fails. xl gets no further.
 *
 * @param cause what attaching it has failed with
 */
export function readOnlyRefused(
  { target, format, access }: DiskConfig,
  cause: unknown,
): PvhError | undefined {
  if (access !== "r") return undefined;
  if (!(cause instanceof PvhError) || !/read-only/.test(String(cause.details.found))) return undefined;
  const instead =
    format === "raw"
      ? "leave backendtype out"
      : 'set access to "w" and give a copy, or convert it with qemu-img convert -O raw';
  return new PvhError(
    "HOST_UNSUPPORTED",
    `disk: ${target} is to be read only, but this QEMU serves images of format ${format} only to be written; ${instead}.`,
    { field: "disk.access", found: access, allowed: '"w"', cause },
  );
}
