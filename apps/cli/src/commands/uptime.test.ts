import { expect, test } from "vitest";
import { duration } from "./uptime.ts";

test.each([
  [0, " 0:00:00", " 0:00"],
  [59, " 0:00:59", " 0:00"],
  [3661, " 1:01:01", " 1:01"],
  [86399, "23:59:59", "23:59"],
  [86400, "1 day,  0:00:00", "1 day,  0:00"],
  [200_000, "2 days,  7:33:20", "2 days,  7:33"],
])("%d s are %j, in short %j", (seconds, long, short) => {
  expect(duration(seconds)).toBe(long);
  expect(duration(seconds, true)).toBe(short);
});
