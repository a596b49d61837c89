import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import type { DiskConfig } from "@pvh/builder";
import { PvhError } from "@pvh/errors";

export interface BlockImage {
  /** Of a block device; undefined for a file. */
  rdev?: number;
}

/** @throws PvhError FILE_UNREADABLE */
export async function requireImage({ target, access: mode }: DiskConfig): Promise<BlockImage> {
  try {
    const found = await stat(target);
    await access(target, mode === "r" ? constants.R_OK : constants.R_OK | constants.W_OK);
    if (found.isBlockDevice()) return { rdev: found.rdev };
    if (!found.isFile()) throw new Error("it is neither a block device nor a regular file");
    return {};
  } catch (cause) {
    throw new PvhError(
      "FILE_UNREADABLE",
      `disk: ${target} cannot be used; check the path and its permissions.`,
      {
        field: "disk",
        found: target,
        allowed: "a block device or an image file",
        cause,
      },
    );
  }
}
