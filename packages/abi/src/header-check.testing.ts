import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * For tests: compares struct codecs and constants with what the C compiler makes of the real headers.
 */
export interface HeaderCheck {
  /** Lines before the includes, such as `#define __XEN_INTERFACE_VERSION__ ...`. */
  prelude?: readonly string[];
  /** `xen/xen.h`, `linux/kvm.h` */
  includes: readonly string[];
  structs?: readonly StructCheck[];
  /** C constant expression -> our value. */
  constants?: Readonly<Record<string, number | bigint>>;
}

export interface StructCheck {
  /** `struct start_info` */
  c: string;
  codec: { readonly size: number; readonly fields: Record<string, { offset: number; size: number }> };
  /** Where a field's C name is not our key: `{console_mfn: "console.domU.mfn"}`; null for a field that C does not name. */
  names?: Readonly<Record<string, string | null>>;
}

/** Why the headers cannot be compiled here, or undefined when they can. On CI they must be there: throws. */
export function headersMissing(check: HeaderCheck, installHint: string): string | undefined {
  try {
    execFileSync("cc", ["-fsyntax-only", "-xc", "-"], {
      input: head(check),
      stdio: ["pipe", "ignore", "pipe"],
    });
    return undefined;
  } catch (cause) {
    const reason = `${check.includes.join(", ")} cannot be compiled here: ${installHint}`;
    if (process.env.CI === "true") throw new Error(reason, { cause });
    return reason;
  }
}

/** One line for each size, offset or value that differs; empty when all agree. */
export function headerMismatches(check: HeaderCheck): string[] {
  const expected: { expression: string; ours: bigint }[] = [];
  for (const { c, codec, names = {} } of check.structs ?? []) {
    expected.push({ expression: `sizeof(${c})`, ours: BigInt(codec.size) });
    for (const [key, { offset, size }] of Object.entries(codec.fields)) {
      const name = names[key] === undefined ? key : names[key];
      if (name === null) continue;
      expected.push({ expression: `offsetof(${c}, ${name})`, ours: BigInt(offset) });
      expected.push({ expression: `sizeof(((${c} *)0)->${name})`, ours: BigInt(size) });
    }
  }
  for (const [expression, value] of Object.entries(check.constants ?? {})) {
    expected.push({ expression, ours: BigInt(value) });
  }
  const found = evaluate(
    check,
    expected.map(({ expression }) => expression),
  );
  return expected.flatMap(({ expression, ours }, i) =>
    BigInt.asUintN(64, ours) === found[i] ? [] : [`${expression} is ${found[i]} in C, ${ours} here`],
  );
}

function head({ prelude = [], includes }: HeaderCheck): string {
  return [
    "#include <stddef.h>",
    "#include <stdint.h>",
    "#include <stdio.h>",
    ...prelude,
    ...includes.map((file) => `#include <${file}>`),
    "",
  ].join("\n");
}

function evaluate(check: HeaderCheck, expressions: string[]): bigint[] {
  const values = expressions.map((expression) => `  (unsigned long long)(${expression}),`);
  const source = [
    head(check),
    `static const unsigned long long values[] = {\n${values.join("\n")}\n};`,
    `int main(void) { for (size_t i = 0; i < ${expressions.length}; i++) printf("%llu\\n", values[i]); }`,
    "",
  ].join("\n");
  const dir = mkdtempSync(join(tmpdir(), "pvh-headers-"));
  try {
    writeFileSync(join(dir, "check.c"), source);
    execFileSync("cc", ["-o", join(dir, "check"), join(dir, "check.c")], { stdio: "pipe" });
    const output = execFileSync(join(dir, "check"), { encoding: "utf8" });
    return output.trim().split("\n").map(BigInt);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
