import type { PvhError } from "@pvh/errors";
import { damaged } from "./damage.ts";
import { LzmaDecoder, type LzmaStop } from "./lzma-decoder.ts";
import type { Output } from "./output.ts";

/** Control bytes (xz file format 1.1.0, 5.3.1; LZMA2 as in the LZMA SDK). */
const END = 0x00;
const RAW_DICTIONARY_RESET = 0x01;
const RAW = 0x02;
const LZMA = 0x80;
const LZMA_STATE_RESET = 0xa0;
const LZMA_NEW_PROPERTIES = 0xc0;
const LZMA_DICTIONARY_RESET = 0xe0;

/** Decodes the LZMA2 chunks of one block into `output`. @returns offset of what follows the end byte */
export function decodeLzma2(input: Uint8Array, at: number, output: Output, dictionarySize: number): number {
  const lzma = new LzmaDecoder();
  let dictionaryStart = output.length;
  let needDictionaryReset = true;
  let needProperties = true;
  const error = (field: string, offset: number, found: string | number, allowed: string | number) =>
    damaged(output.format, `LZMA2 ${field}`, offset, found, allowed);
  const need = (count: number, field: string) => {
    if (count > input.length - at) {
      throw error(field, at, `cut off after ${input.length - at} bytes`, `${count} bytes`);
    }
  };
  const u16 = (offset: number) => ((input[offset] as number) << 8) | (input[offset + 1] as number);

  for (;;) {
    const chunk = at;
    need(1, "control byte");
    const control = input[at++] as number;
    if (control === END) return at;
    if (control === RAW_DICTIONARY_RESET || control >= LZMA_DICTIONARY_RESET) {
      dictionaryStart = output.length;
      needDictionaryReset = false;
      needProperties = true;
    } else if (control > RAW && control < LZMA) {
      throw error("control byte", chunk, control, "0 to 2 or 128 to 255");
    } else if (needDictionaryReset) {
      throw error("control byte", chunk, control, "one that resets the dictionary: 1, or 224 to 255");
    }

    if (control < LZMA) {
      need(2, "raw chunk header");
      const size = u16(at) + 1;
      at += 2;
      need(size, "raw chunk");
      output.reserve(size, chunk);
      output.bytes.set(input.subarray(at, at + size), output.length);
      output.length += size;
      at += size;
      continue;
    }

    const hasProperties = control >= LZMA_NEW_PROPERTIES;
    if (needProperties && !hasProperties) {
      throw error("control byte", chunk, control, "one that sets properties: 192 to 255");
    }
    need(hasProperties ? 5 : 4, "chunk header");
    const size = (((control & 0x1f) << 16) | u16(at)) + 1;
    const packed = u16(at + 2) + 1;
    at += 4;
    if (hasProperties) {
      setProperties(lzma, input[at] as number, at, error);
      at++;
      needProperties = false;
    }
    if (control >= LZMA_STATE_RESET) lzma.reset();

    need(Math.max(packed, 5), "chunk");
    if (input[at] !== 0) throw error("range coder start", at, input[at] as number, 0);
    if (packed < 5) throw error("packed size", chunk + 3, packed, "5 or more");
    output.reserve(size, chunk);
    lzma.startRange(input, at);
    const end = output.length + size;
    const stopped = lzma.decode(
      input,
      at + packed,
      output.bytes,
      output.length,
      end,
      end,
      dictionaryStart,
      dictionarySize,
    );
    if (stopped !== "full") throw stopError(output.format, stopped, lzma, dictionaryStart, at + packed);
    at += packed;
    if (lzma.inputAt !== at || !lzma.finished) {
      throw error("chunk end", Math.min(lzma.inputAt, at), "not where its data end", `at offset ${at}`);
    }
    output.length = end;
  }
}

function setProperties(
  lzma: LzmaDecoder,
  byte: number,
  at: number,
  error: (field: string, offset: number, found: number | string, allowed: string) => PvhError,
): void {
  const [lc, lp, pb] = splitProperties(byte);
  if (pb > 4 || lc + lp > 4) {
    throw error("properties", at, `lc=${lc} lp=${lp} pb=${pb}`, "lc + lp <= 4 and pb <= 4");
  }
  lzma.setProperties(lc, lp, pb);
}

/** @returns literal context bits, literal position bits, position bits; the last may be out of range */
export function splitProperties(byte: number): [lc: number, lp: number, pb: number] {
  return [byte % 9, Math.floor(byte / 9) % 5, Math.floor(byte / 45)];
}

/** The error for LZMA data that could not be decoded to the end. */
export function stopError(
  format: string,
  stopped: LzmaStop,
  lzma: LzmaDecoder,
  dictionaryStart: number,
  inputEnd: number,
): PvhError {
  // The range decoder reads ahead.
  const at = Math.min(lzma.inputAt, inputEnd);
  switch (stopped) {
    case "distance":
      return damaged(
        format,
        "LZMA match distance",
        at,
        lzma.distance,
        `at most ${lzma.outputAt - dictionaryStart}, and within the dictionary`,
      );
    case "length":
      return damaged(format, "LZMA data size", at, "more than declared", "what is declared");
    case "end-marker":
      return damaged(format, "LZMA end marker", at, "before the declared end", "at the end or none");
    default:
      return damaged(format, "LZMA data", at, "cut off", "as many bytes as their header says");
  }
}
