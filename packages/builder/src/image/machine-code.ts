/**
 * x86-64 machine code as data: each instruction's bytes stand beside its text, and jumps name labels. The texts are Intel
 * syntax as GNU as reads it, so that a test can have the bytes checked by it.
 */

export interface Instruction {
  text: string;
  bytes: readonly number[];
}

/** Opcodes with an 8-bit displacement; the 32-bit forms follow from them. */
const SHORT_JUMPS = { jmp: 0xeb, jz: 0x74, jnz: 0x75, ja: 0x77, js: 0x78 } as const;

export type Line = Instruction | { label: string } | { jump: keyof typeof SHORT_JUMPS; to: string };

/** Code that stands at an offset of its own. Labels are known to all fragments that are assembled together. */
export interface Fragment {
  at: number;
  lines: readonly Line[];
}

export interface PlacedCode {
  at: number;
  bytes: Uint8Array<ArrayBuffer>;
}

export function instruction(text: string, ...bytes: number[]): Instruction {
  return { text, bytes };
}

/** The bytes of an immediate or a displacement. */
export function dword(value: number): number[] {
  return [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);
}

/**
 * Position-independent bytes: jumps are relative, with 8 bits inside a fragment and 32 bits between fragments.
 *
 * @throws RangeError for a label that is there twice or not at all, and for a jump inside a fragment beyond 8 bits.
 */
export function assemble(fragments: readonly Fragment[]): PlacedCode[] {
  const labels = new Map<string, { at: number; fragment: Fragment }>();
  for (const fragment of fragments) {
    const local = localLabels(fragment);
    let at = fragment.at;
    for (const line of fragment.lines) {
      if ("label" in line) {
        if (labels.has(line.label)) throw new RangeError(`label ${line.label} is there twice`);
        labels.set(line.label, { at, fragment });
      }
      at += lengthOf(line, local);
    }
  }
  return fragments.map((fragment) => {
    const bytes: number[] = [];
    for (const line of fragment.lines) {
      if ("bytes" in line) bytes.push(...line.bytes);
      if (!("jump" in line)) continue;
      const target = labels.get(line.to);
      if (target === undefined) throw new RangeError(`label ${line.to} is missing`);
      const isLocal = target.fragment === fragment;
      const opcode = jumpOpcode(line.jump, isLocal);
      const next = fragment.at + bytes.length + opcode.length + (isLocal ? 1 : 4);
      bytes.push(...opcode, ...displacement(target.at - next, isLocal));
    }
    return { at: fragment.at, bytes: Uint8Array.from(bytes) };
  });
}

function localLabels({ lines }: Fragment): Set<string> {
  return new Set(lines.flatMap((line) => ("label" in line ? [line.label] : [])));
}

function lengthOf(line: Line, local: ReadonlySet<string>): number {
  if ("bytes" in line) return line.bytes.length;
  if ("label" in line) return 0;
  const isLocal = local.has(line.to);
  return jumpOpcode(line.jump, isLocal).length + (isLocal ? 1 : 4);
}

function jumpOpcode(name: keyof typeof SHORT_JUMPS, isLocal: boolean): number[] {
  const short = SHORT_JUMPS[name];
  if (isLocal) return [short];
  return name === "jmp" ? [0xe9] : [0x0f, short + 0x10];
}

function displacement(value: number, isLocal: boolean): number[] {
  if (!isLocal) return dword(value);
  if (value < -128 || value > 127) throw new RangeError(`a jump of ${value} bytes does not fit in 8 bits`);
  return [value & 0xff];
}
