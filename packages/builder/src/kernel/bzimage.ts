import { hex, PvhError } from "@pvh/errors";
import { startsWith, u16At, u32At, viewAt } from "./bytes.ts";

/** Offsets in the setup header. Source: Linux, Documentation/arch/x86/boot.rst. */
const at = { setupSects: 0x1f1, magic: 0x202, version: 0x206, payloadOffset: 0x248, payloadLength: 0x24c };

const headerEnd = 0x250;
const sectorSize = 512;
const magic = [0x48, 0x64, 0x72, 0x53]; // HdrS

/** payload_offset and payload_length came with protocol 2.08 (Linux 2.6.24). */
const minVersion = 0x0208;

export function isBzImage(file: Uint8Array): boolean {
  return startsWith(file, magic, at.magic);
}

/** View of the payload: the compressed ELF kernel and, for most compressions, a word with its unpacked size. */
export function bzImagePayload(file: Uint8Array): Uint8Array {
  const version = u16At(file, at.version);
  viewAt(file, "bzImage setup header", "setup_header", 0, headerEnd);
  if (version < minVersion) {
    throw new PvhError(
      "KERNEL_BZIMAGE",
      `The bzImage has boot protocol ${versionText(version)}; its payload can be found from 2.08 (Linux 2.6.24) on.`,
      { field: "version", offset: at.version, found: hex(version), allowed: `at least ${hex(minVersion)}` },
    );
  }
  const payloadLength = u32At(file, at.payloadLength);
  if (payloadLength === 0) {
    throw new PvhError(
      "KERNEL_BZIMAGE",
      "The bzImage says that its payload has no bytes (payload_length 0).",
      {
        field: "payload_length",
        offset: at.payloadLength,
        found: 0,
        allowed: "at least 1",
      },
    );
  }
  // 0 means 4 for kernels older than the field; Xen does not know that rule, the boot protocol does.
  const setupSects = file[at.setupSects] || 4;
  const start = (setupSects + 1) * sectorSize + u32At(file, at.payloadOffset);
  return viewAt(file, "payload of the bzImage", "payload_length", start, payloadLength);
}

function versionText(version: number): string {
  return `${version >> 8}.${(version & 0xff).toString().padStart(2, "0")}`;
}
