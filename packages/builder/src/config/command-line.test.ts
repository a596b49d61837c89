import { expect, test } from "vitest";
import { commandLine } from "./command-line.ts";

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
