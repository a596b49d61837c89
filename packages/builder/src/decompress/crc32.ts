const table = slicingTable(0xedb88320);

/** CRC-32 of IEEE 802.3, as gzip, xz and lzop use it. @returns unsigned */
export function crc32(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const t = table;
  let crc = -1;
  let at = 0;
  for (const end = bytes.length - 7; at < end; at += 8) {
    const a = view.getInt32(at, true) ^ crc;
    const b = view.getInt32(at + 4, true);
    crc =
      (t[0x700 + (a & 255)] as number) ^
      (t[0x600 + ((a >>> 8) & 255)] as number) ^
      (t[0x500 + ((a >>> 16) & 255)] as number) ^
      (t[0x400 + (a >>> 24)] as number) ^
      (t[0x300 + (b & 255)] as number) ^
      (t[0x200 + ((b >>> 8) & 255)] as number) ^
      (t[0x100 + ((b >>> 16) & 255)] as number) ^
      (t[b >>> 24] as number);
  }
  for (; at < bytes.length; at++) crc = (crc >>> 8) ^ (t[(crc ^ (bytes[at] as number)) & 255] as number);
  return ~crc >>> 0;
}

/** Entry `256 * k + b` advances the CRC of byte b by k zero bytes, so that eight bytes take eight look-ups at once. */
function slicingTable(polynomial: number): Int32Array {
  const entries = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    entries[byte] = crc;
  }
  for (let i = 256; i < entries.length; i++) {
    const shorter = entries[i - 256] as number;
    entries[i] = (shorter >>> 8) ^ (entries[shorter & 255] as number);
  }
  return entries;
}
