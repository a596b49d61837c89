/**
 * Undoes the x86 "BCJ" filter in place: targets of CALL (e8) and JMP (e9) were made absolute before compression, so
 * that equal targets look equal; here they become relative again.
 *
 * No disassembler decides which bytes are opcodes. An e8 or e9 counts as one when the top byte of its operand is 00
 * or ff; and when one e8 or e9 among the three bytes before was passed over, the operand's byte four after that one
 * must be neither (two or more: it does not count). Encoder and decoder see the same in the unchanged bytes.
 *
 * @param start address of the first byte, from the filter's properties
 */
export function unfilterX86(bytes: Uint8Array, start: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // An opcode whose operand would end after the data was left alone.
  const end = bytes.length - 4;
  let last = 0;
  /** Bit n: the byte n + 1 before `last + 1` was passed over. */
  let passed = 0;
  let at = findOpcode(bytes, view, 0, end);
  while (at < end) {
    const gap = at - last;
    // Now bit n: the byte n + 1 before `at`.
    const before = gap > 3 ? 0 : (passed << (gap - 1)) & 7;
    last = at;
    const overlap = OVERLAP[before] as number;
    if (
      overlap < 0 ||
      !isSignByte(bytes[at + 4] as number) ||
      (overlap > 0 && isSignByte(bytes[at + 4 - overlap] as number))
    ) {
      passed = (before << 1) | 1;
      at = findOpcode(bytes, view, at + 1, end);
      continue;
    }
    const next = start + at + 5;
    let relative = (view.getInt32(at + 1, true) - next) | 0;
    if (overlap > 0 && isSignByte((relative >>> (24 - 8 * overlap)) & 255)) {
      // The encoder turned the bits below over, because its result would not have passed the test above.
      relative = ((relative ^ (2 ** (32 - 8 * overlap) - 1)) - next) | 0;
    }
    // A target has 25 bits with its sign, so that the top byte is 00 or ff.
    view.setInt32(at + 1, (relative << 7) >> 7, true);
    at = findOpcode(bytes, view, at + 5, end);
  }
}

/** By the mask of passed bytes: how many bytes before stands the only one; 0 none, -1 several. */
const OVERLAP = [0, 1, 2, -1, 3, -1, -1, -1];

function isSignByte(byte: number): boolean {
  return byte === 0 || byte === 0xff;
}

/** Position of the next e8 or e9, or one that is not below `end`. Tests four bytes at a time. */
function findOpcode(bytes: Uint8Array, view: DataView, from: number, end: number): number {
  let at = from;
  for (; at < end - 3; at += 4) {
    const difference = (view.getInt32(at, true) & 0xfefefefe) ^ 0xe8e8e8e8;
    if (((difference - 0x01010101) & ~difference & 0x80808080) !== 0) break;
  }
  while (at < end && ((bytes[at] as number) & 0xfe) !== 0xe8) at++;
  return at;
}
