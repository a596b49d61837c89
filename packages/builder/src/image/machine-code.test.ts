import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { assemble, type Fragment, instruction, type Line } from "./machine-code.ts";
import { smpShims } from "./smp-shims.ts";

function asText(line: Line): string {
  if ("label" in line) return `${line.label}:`;
  return "jump" in line ? `${line.jump} ${line.to}` : line.text;
}

/** What GNU as makes of the instructions' texts, or why it cannot be asked. On CI it must be there: throws. */
function assembled(fragments: readonly Fragment[]): Buffer | string {
  const source = fragments.flatMap(({ at, lines }) => [`.org ${at}`, ...lines.map(asText)]);
  const dir = mkdtempSync(join(tmpdir(), "pvh-as-"));
  const at = (name: string) => join(dir, name);
  try {
    writeFileSync(at("code.s"), `.intel_syntax noprefix\n${source.join("\n")}\n`);
    execFileSync("as", ["--64", "-o", at("code.o"), at("code.s")], { stdio: "pipe" });
    execFileSync("objcopy", ["-O", "binary", "-j", ".text", at("code.o"), at("code")], { stdio: "pipe" });
    return readFileSync(at("code"));
  } catch (cause) {
    const isMissing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    if (!isMissing || process.env.CI === "true") throw cause;
    return "the code cannot be assembled here: install binutils";
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

test.for([
  instruction("vmcall", 0x0f, 0x01, 0xc1),
  instruction("vmmcall", 0x0f, 0x01, 0xd9),
  instruction("out 0xe4, eax", 0xe7, 0xe4),
])("the bytes of the shims are those of their texts: $text", (trap, context) => {
  const fragments = smpShims(trap);
  const expected = assembled(fragments);
  if (typeof expected === "string") return context.skip(expected);
  for (const { at, bytes } of assemble(fragments)) {
    expect(Buffer.from(bytes).toString("hex")).toBe(expected.toString("hex", at, at + bytes.length));
  }
});

test("a label that is missing or there twice is refused", () => {
  expect(() => assemble([{ at: 0, lines: [{ jump: "jmp", to: "nowhere" }] }])).toThrow("nowhere is missing");
  const twice = { at: 0, lines: [{ label: "here" }] };
  expect(() => assemble([twice, { ...twice, at: 64 }])).toThrow("here is there twice");
});

test("jumps reach 127 bytes inside a fragment, and go both ways between fragments", () => {
  const far = (bytes: number): Line[] => [
    { jump: "jz", to: "end" },
    instruction("", ...Array<number>(bytes).fill(0x90)),
    { label: "end" },
  ];
  expect([...(assemble([{ at: 0, lines: far(127) }])[0]?.bytes.subarray(0, 2) ?? [])]).toEqual([0x74, 0x7f]);
  expect(() => assemble([{ at: 0, lines: far(128) }])).toThrow("128 bytes does not fit");
  const [first, second] = assemble([
    { at: 0x100, lines: [{ label: "first" }, { jump: "ja", to: "second" }] },
    { at: 0x800, lines: [{ label: "second" }, { jump: "jmp", to: "first" }] },
  ]);
  expect([...(first?.bytes ?? [])]).toEqual([0x0f, 0x87, 0xfa, 0x06, 0, 0]);
  expect([...(second?.bytes ?? [])]).toEqual([0xe9, 0xfb, 0xf8, 0xff, 0xff]);
});
