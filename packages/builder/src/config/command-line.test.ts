import { expect, test } from "vitest";
import { commandLine } from "./command-line.ts";
import { configWarnings } from "./warnings.ts";

test.each([
  [{}, ""],
  [{ root: "/dev/xvda1" }, "root=/dev/xvda1"],
  [{ extra: "quiet" }, "quiet"],
  [{ root: "/dev/xvda1", extra: "ro quiet" }, "root=/dev/xvda1 ro quiet"],
  [{ cmdline: "console=hvc0" }, "console=hvc0"],
  [{ cmdline: "console=hvc0", root: "/dev/xvda1", extra: "quiet" }, "console=hvc0"],
  [{ cmdline: "", extra: "quiet" }, ""],
])("%j gives %j", (config, line) => {
  expect(commandLine(config)).toBe(line);
});

test("root and extra beside cmdline are warned about, as in xl", () => {
  expect(configWarnings({ root: "x", extra: "y" })).toEqual([]);
  expect(configWarnings({ cmdline: "x" })).toEqual([]);
  expect(configWarnings({ cmdline: "x", extra: "y" })).toEqual([
    "extra has no effect, because cmdline is the whole command line",
  ]);
  expect(configWarnings({ cmdline: "x", extra: "y", root: "z" })[0]).toMatch(
    /^root and extra have no effect/,
  );
});
