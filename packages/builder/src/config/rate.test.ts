import { expect, test } from "vitest";
import { parseRate } from "./rate.ts";

test.each([
  ["10Mb/s", 62_500, 50_000],
  ["250KB/s", 12_500, 50_000],
  ["1MB/s@20ms", 20_000, 20_000],
  ["1GB/s@1s", 1_000_000_000, 1_000_000],
  ["8b/s@1s", 1, 1_000_000],
  ["20B/s", 1, 50_000],
  ["1MB/s@1us", 1, 1],
  ["4294967295KB/s@1s", 4_294_967_295_000, 1_000_000],
  ["1B/s@4294s", 4294, 4_294_000_000],
])("%s is %i bytes in each %i us", (text, bytes, microseconds) => {
  expect(parseRate(text)).toEqual({ bytes, microseconds });
});

test.each([
  "",
  "10",
  "10M",
  "10Mb",
  "Mb/s",
  "0Mb/s",
  "010Mb/s",
  "-1Mb/s",
  "1.5Mb/s",
  "10 Mb/s",
  "10mb/s",
  "10Tb/s",
  "10Mb/m",
  "10Mb/s@",
  "10Mb/s@50",
  "10Mb/s@0ms",
  "10Mb/s@50m",
  "10Mb/s@50ms@1s",
  "1B/s",
  "4294967296B/s",
  "4294967295GB/s@4294s",
  "1MB/s@4295s",
  `${"9".repeat(1_000_000)}B/s`,
])("%j is none", (text) => {
  expect(parseRate(text)).toBeUndefined();
});
