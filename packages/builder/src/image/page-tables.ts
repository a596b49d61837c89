import { PAGE_SIZE, PTE, TABLE_ENTRIES, TABLE_SPAN_BITS } from "@pvh/abi";

/** Flags that libxc gives leaf entries; without US, as classic guests run in ring 0. */
export const LEAF_FLAGS = PTE.P | PTE.RW | PTE.A;
export const TABLE_FLAGS = PTE.P | PTE.RW | PTE.US | PTE.A | PTE.D;

/** All tables of one level. Their entries form one array: `lead` empty ones, then `count` consecutive frames. */
export interface TableLevel {
  level: 4 | 3 | 2 | 1;
  /** Index of the level's first table among all tables: L4 first, L1s last. */
  firstTable: number;
  tables: number;
  lead: number;
  count: number;
}

/** The tables that map [virtBase, virtEnd) with 4 KiB pages; both are page aligned. */
export function tableLevels(virtBase: bigint, virtEnd: bigint): TableLevel[] {
  const levels: TableLevel[] = [];
  let firstTable = 0;
  for (const level of [4, 3, 2, 1] as const) {
    const spanBits = BigInt(TABLE_SPAN_BITS[level]);
    const entryBits = spanBits - 9n;
    const unitsTouched = (bits: bigint) => Number(((virtEnd - 1n) >> bits) - (virtBase >> bits)) + 1;
    const tables = unitsTouched(spanBits);
    const lead = Number((virtBase >> entryBits) - ((virtBase >> spanBits) << 9n));
    levels.push({ level, firstTable, tables, lead, count: unitsTouched(entryBits) });
    firstTable += tables;
  }
  return levels;
}

/** How many frames {@link tableLevels} take. */
export function tableFrames(virtBase: bigint, virtEnd: bigint): number {
  return tableLevels(virtBase, virtEnd).reduce((sum, { tables }) => sum + tables, 0);
}

/**
 * The contents of the tables, in order, when they stand at `gpa` and map frame 0 upward.
 *
 * @param chunkSize most bytes of one piece; a multiple of the page size
 */
export function* pageTableChunks(
  gpa: number,
  virtBase: bigint,
  virtEnd: bigint,
  chunkSize: number,
): Generator<{ gpa: number; bytes: Uint8Array<ArrayBuffer> }> {
  const tablesFrame = gpa / PAGE_SIZE;
  const tablesPerChunk = chunkSize / PAGE_SIZE;
  for (const { level, firstTable, tables, lead, count } of tableLevels(virtBase, virtEnd)) {
    const target = level === 1 ? 0 : tablesFrame + firstTable + tables;
    const flags = level === 1 ? LEAF_FLAGS : TABLE_FLAGS;
    for (let table = 0; table < tables; table += tablesPerChunk) {
      const bytes = new Uint8Array(Math.min(tablesPerChunk, tables - table) * PAGE_SIZE);
      const firstSlot = table * TABLE_ENTRIES;
      const from = Math.max(firstSlot, lead);
      const to = Math.min(firstSlot + bytes.length / 8, lead + count);
      fillFrames(bytes, (from - firstSlot) * 8, to - from, target + from - lead, flags);
      yield { gpa: (tablesFrame + firstTable + table) * PAGE_SIZE, bytes };
    }
  }
}

/** Writes `count` entries for the frames `frame`, `frame` + 1... from byte `at` on. */
function fillFrames(bytes: Uint8Array, at: number, count: number, frame: number, flags: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let i = 0; i < count; i++) {
    const pfn = frame + i;
    view.setUint32(at + 8 * i, ((pfn << 12) | flags) >>> 0, true);
    view.setUint32(at + 8 * i + 4, Math.floor(pfn / 2 ** 20), true);
  }
}
