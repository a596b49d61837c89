import { expect, test } from "vitest";
import { logDirectory } from "./xenconsoled.ts";

test.each([
  [[], undefined],
  [["--log=guest"], "/var/log/xen/console"],
  [["--pid-file", "/run/x", "--log", "all", "--log-dir=/srv/logs"], "/srv/logs"],
  [["--log=hv", "--log-dir=/srv/logs"], undefined],
  [["-i", "--log=hv", "--log=guest", "--timestamp=none"], "/var/log/xen/console"],
])("xenconsoled with %j logs guests in %s", (args, directory) => {
  expect(logDirectory(args)).toBe(directory);
});
