export const MIB = 1024 * 1024;

/** Bytes as people read them in layouts and messages. */
export function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}
