export const MIB = 1024 * 1024;

/** Bytes as people read them in layouts and messages. */
export function mib(bytes: number): string {
  return bytes > 0 && bytes < MIB ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / MIB).toFixed(1)} MiB`;
}
