import { readFileSync } from "node:fs";

/**
 * Reads what `pvhctl build` wrote with nothing but the files and the ABI's numbers: shares no code with the builder, so
 * that both cannot be wrong in the same way. Offsets: xen/include/public/xen.h, struct start_info, 64-bit.
 */
export function readImage(path: string) {
  const file = readFileSync(path);
  const { vcpu, mapping } = JSON.parse(readFileSync(`${path}.json`, "utf8"));
  const { rsi, rsp, rflags } = vcpu.registers;
  const { cr0, cr3, cr4, efer } = vcpu.control;
  const virtBase = BigInt(mapping.virt_base);
  const at = Number(BigInt(rsi) - virtBase);
  const text = (offset: number, length: number) => {
    const bytes = file.subarray(at + offset, at + offset + length);
    return bytes.subarray(0, bytes.indexOf(0)).toString();
  };
  return {
    memory: file,
    registers: {
      rsp: BigInt(rsp),
      rflags: Number(rflags),
      cr0: Number(cr0),
      cr3: Number(cr3),
      cr4: Number(cr4),
      efer: Number(efer),
    },
    startInfo: {
      virtBase,
      magic: text(0, 32),
      nrPages: Number(file.readBigUInt64LE(at + 32)),
      ptBase: file.readBigUInt64LE(at + 88),
      modStart: file.readBigUInt64LE(at + 112),
      commandLine: text(128, 1024),
    },
  };
}

/** Page number of the lower 48 bits of a virtual address -> frame number, by a walk of four-level tables. */
export function mappedPages(memory: Buffer, cr3: number): Map<number, number> {
  const pages = new Map<number, number>();
  walk(cr3, 3, 0);
  return pages;

  function walk(table: number, level: number, page: number): void {
    for (let index = 0; index < 512; index++) {
      const entry = memory.readBigUInt64LE(table + index * 8);
      if ((entry & 1n) === 0n) continue;
      const frame = Number((entry >> 12n) & 0xf_ffff_ffffn);
      if (level === 0) pages.set(page * 512 + index, frame);
      else walk(frame * 4096, level - 1, page * 512 + index);
    }
  }
}
