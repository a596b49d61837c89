import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unpackKernel } from "@pvh/builder";
import { compare, debianKernel, interleaved } from "./measure.ts";

/** The whole way from bzImage to ELF, against the native tool on the payload alone. */
export async function benchUnpack(): Promise<string[]> {
  return [
    await against("XZ kernel (linux-image-amd64)", debianKernel("amd64"), ["xz", "-dc"]),
    await against("LZ4 kernel (linux-image-cloud-amd64)", debianKernel("cloud"), ["lz4", "-dc"]),
  ];
}

async function against(what: string, file: Uint8Array, [tool = "", ...args]: string[]): Promise<string> {
  if (spawnSync(tool, ["--version"]).error) throw new Error(`${tool} is missing`);
  const folder = mkdtempSync(join(tmpdir(), "pvh-bench-"));
  try {
    const payload = join(folder, "payload");
    writeFileSync(payload, bzImagePayload(file));
    const times = await interleaved(7, {
      ours: () => unpackKernel(file),
      native: () => spawnSync(tool, [...args, payload], { stdio: ["ignore", "ignore", "ignore"] }),
    });
    return compare(what, times.ours, `${tool} ${args.join(" ")}`, times.native);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The compressed payload without its size word (Linux: Documentation/arch/x86/boot.rst). */
function bzImagePayload(file: Uint8Array): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const start = (view.getUint8(0x1f1) + 1) * 512 + view.getUint32(0x248, true);
  return file.subarray(start, start + view.getUint32(0x24c, true) - 4);
}
