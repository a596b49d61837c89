/**
 * What all vectors of the tests decompress to: 2400 bytes with words, calls of one x86 function from everywhere,
 * a long run and some noise, so that every kind of instruction of the formats occurs.
 */
export function sample(): Uint8Array {
  const bytes = new Uint8Array(2400);
  let random = 1;
  const next = (below: number): number => {
    random = (Math.imul(random, 1103515245) + 12345) >>> 0;
    return (random >>> 16) % below;
  };
  const words = ["pvh ", "guest ", "kernel ", "of a domain ", "page ", "frame\n"];
  const encoder = new TextEncoder();
  let at = 0;
  while (at < 900) {
    const word = encoder.encode(words[next(words.length)]);
    bytes.set(word, at);
    at += word.length;
  }
  const view = new DataView(bytes.buffer);
  for (; at < 1500; at += 5 + next(9)) {
    view.setUint8(at, next(2) === 0 ? 0xe8 : 0xe9);
    view.setInt32(at + 1, next(4) === 0 ? 0x00e8e9ff : 1000 - (at + 5), true);
  }
  for (at = 2300; at < 2400; at++) bytes[at] = next(256);
  return bytes;
}
