import { PvhError } from "@pvh/errors";

/** The PvhError that `run` throws; anything else thrown, or nothing, fails the test. */
export function errorOf(run: () => unknown): PvhError {
  try {
    run();
  } catch (error) {
    if (error instanceof PvhError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

/** A text whose expected error position is marked with `«`. */
export function marked(text: string): { text: string; line: number; column: number } {
  const before = text.slice(0, text.indexOf("«"));
  const lines = before.split("\n");
  return { text: text.replace("«", ""), line: lines.length, column: [...(lines.at(-1) ?? "")].length + 1 };
}

/** The character that the caret of an excerpt points at. */
export function pointedAt(error: PvhError): string {
  const [line = "", caret = ""] = (error.details.excerpt ?? "").split("\n");
  return [...line][caret.length - 1] ?? "";
}

/** The least that a config file must say. */
export const minimal = 'name = "g"\ntype = "pvh"\nkernel = "/k"\n';
