import { crc32 } from "node:zlib";

/** What the guests of PV devices in e2e/guests/property are given, and what they leave. */

const SECTOR = 512;
const WORDS_PER_SECTOR = SECTOR / 4;
/** Of the block guests' disks. */
export const SECTORS = 8192;
/** What the block guest adds to the words that it writes, and how many sectors it writes from the middle on. */
const WRITTEN = 0x5a5a5a5a;
const WRITTEN_SECTORS = 64;

/** As `word` in e2e/guests/property/block.c. */
function imageWord(sector: number, i: number): number {
  return (Math.imul(sector, 0x9e3779b1) + Math.imul(i, 0x85ebca6b) + 1) >>> 0;
}

/** A disk as the block guests want it. */
export function diskImage(): Buffer {
  const image = Buffer.alloc(SECTORS * SECTOR);
  for (let sector = 0; sector < SECTORS; sector++) {
    for (let i = 0; i < WORDS_PER_SECTOR; i++) {
      image.writeUInt32LE(imageWord(sector, i), sector * SECTOR + i * 4);
    }
  }
  return image;
}

/** How many words of the written region are not what the guest has written. */
export function wrongWords(image: Buffer): number {
  let wrong = 0;
  for (let sector = SECTORS / 2; sector < SECTORS / 2 + WRITTEN_SECTORS; sector++) {
    for (let i = 0; i < WORDS_PER_SECTOR; i++) {
      const expected = (imageWord(sector, i) + WRITTEN) >>> 0;
      if (image.readUInt32LE(sector * SECTOR + i * 4) !== expected) wrong++;
    }
  }
  return wrong;
}

export interface Flood {
  /** The numbers of the lines that came. */
  numbers: number[];
  /** What the guest says that it has printed, when it has said it. */
  told: { bytes: number; crc32: number } | undefined;
  came: { bytes: number; crc32: number };
}

/** What the guest console-flood has printed. */
export function floodOf(output: string): Flood {
  const lines = output.split("\n").filter((line) => /^flood [0-9a-f]{8} /.test(line));
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""), "latin1");
  const sum = /^flood: bytes=0x([0-9a-f]{8}) crc32=0x([0-9a-f]{8})$/m.exec(output);
  const hex = (text = "") => Number.parseInt(text, 16);
  return {
    numbers: lines.map((line) => hex(line.slice(6, 14))),
    told: sum === null ? undefined : { bytes: hex(sum[1]), crc32: hex(sum[2]) },
    came: { bytes: bytes.length, crc32: crc32(bytes) },
  };
}
