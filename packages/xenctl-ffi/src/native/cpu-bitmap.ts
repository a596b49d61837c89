/** CPUs of the host by their numbers. */
export type CpuSet = ReadonlySet<number>;

/** One bit for each CPU, the lowest first; of CPUs beyond the size nothing is said. */
export function bitmapOf(cpus: CpuSet, size: number): Uint8Array {
  const bitmap = new Uint8Array(size);
  for (const cpu of cpus) {
    const byte = bitmap[cpu >>> 3];
    if (byte !== undefined) bitmap[cpu >>> 3] = byte | (1 << (cpu & 7));
  }
  return bitmap;
}

export function cpusOf(bitmap: Uint8Array): CpuSet {
  const cpus = new Set<number>();
  for (let cpu = 0; cpu < bitmap.length * 8; cpu++) {
    if (((bitmap[cpu >>> 3] ?? 0) & (1 << (cpu & 7))) !== 0) cpus.add(cpu);
  }
  return cpus;
}
