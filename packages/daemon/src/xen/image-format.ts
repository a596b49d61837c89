import { open } from "node:fs/promises";
import type { DiskConfig } from "@pvh/builder";
import { PvhError } from "@pvh/errors";

/** A whole sector, which a disk gives at once. */
const HEAD = 512;
const VHD_COOKIE = "conectix";

type Format = DiskConfig["format"];

/**
 * The format that an image says it has, by its first and last sector; undefined when it says nothing that is known, as
 * raw ones do.
 */
export function formatOf(head: Uint8Array, tail: Uint8Array): Format | "vmdk" | "vdi" | undefined {
  const text = (bytes: Uint8Array) => Buffer.from(bytes.subarray(0, 8)).toString("latin1");
  const start = text(head);
  if (start.startsWith("QFI\u00fb"))
    return start.startsWith("\u0000\u0000\u0000\u0001", 4) ? "qcow" : "qcow2";
  if (start.startsWith("QED\u0000")) return "qed";
  if (start === VHD_COOKIE || text(tail) === VHD_COOKIE) return "vhd";
  if (start.startsWith("KDMV") || start.startsWith("COWD")) return "vmdk";
  if (Buffer.from(head.subarray(0x40, 0x44)).toString("hex") === "7f10dabe") return "vdi";
  return undefined;
}

/**
 * Refuses an image that is of another format than QEMU would be told.
 *
 * @throws PvhError FILE_UNREADABLE
 */
export async function requireFormat(target: string, format: Format): Promise<void> {
  if (format === "raw") return;
  const found = await readFormat(target);
  if (found === format) return;
  const what = found === undefined ? "of no format that is known" : `of format ${found}`;
  const instead =
    found === undefined
      ? 'set format to "raw" if it is a plain image'
      : found === "vmdk" || found === "vdi"
        ? `convert it with qemu-img convert -O ${format}`
        : `set format to "${found}"`;
  throw new PvhError(
    "FILE_UNREADABLE",
    `disk: ${target} is no image of format ${format}, it is ${what}; ${instead}, or name another file.`,
    { field: "disk", found: found ?? "no known format", allowed: `an image of format ${format}` },
  );
}

async function readFormat(target: string): Promise<ReturnType<typeof formatOf>> {
  const file = await open(target, "r");
  try {
    const sector = async (position: number) => {
      const { bytesRead, buffer } = await file.read(new Uint8Array(HEAD), 0, HEAD, position);
      return buffer.subarray(0, bytesRead);
    };
    const { size } = await file.stat();
    return formatOf(await sector(0), size < HEAD ? new Uint8Array() : await sector(size - HEAD));
  } finally {
    await file.close();
  }
}
