import { expect, test } from "vitest";
import { formatError } from "./problem.ts";
import { PvhError } from "./pvh-error.ts";

test("a message cannot command the terminal, nor begin a line of its own", () => {
  const cause = new Error("open '/\u001b[31m\nfile'");
  const error = new PvhError(
    "FILE_UNREADABLE",
    "kernel names /\u001b[2J\nerror INTERNAL: no, \u202elanretxe.",
    {
      excerpt: "kernel = x\n         ^",
      cause,
    },
  );
  expect(formatError(error).split("\n")).toEqual([
    "error FILE_UNREADABLE: kernel names /\ufffd[2J\ufffderror INTERNAL: no, \ufffdlanretxe.",
    "kernel = x",
    "         ^",
    "  because: open '/\ufffd[31m\ufffdfile'",
  ]);
});
