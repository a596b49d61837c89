import { expect, test } from "vitest";
import { guestConfigKeys } from "./guest-config.ts";
import { knownKeys } from "./known-keys.ts";
import { nearestKey } from "./nearest-key.ts";
import { editDistance } from "./nearest-word.ts";

test.each([
  ["", "", 0],
  ["abc", "abc", 0],
  ["abc", "", 3],
  ["memry", "memory", 1],
  ["memmory", "memory", 1],
  ["menory", "memory", 1],
  ["mmeory", "memory", 1],
  ["kitten", "sitting", 3],
  ["ca", "abc", 3],
])("from %j to %j it is %d edits", (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance);
  expect(editDistance(b, a)).toBe(distance);
});

test.each([
  ["memry", "memory"],
  ["nmae", "name"],
  ["krnl", "kernel"],
  ["ramdsk", "ramdisk"],
  ["cmd_line", "cmdline"],
  ["onCrash", "on_crash"],
  ["on-reboot", "on_reboot"],
  ["PVH", "pvh"],
  ["maxvcpu", "maxvcpus"],
  ["vcpu", "vcpus"],
  ["disks", "disk"],
  ["on_powerof", "on_poweroff"],
  ["pvhabi", "pvh_abi"],
  ["frobnicate", undefined],
  ["start_paused", undefined],
  ["nx", "nx"],
  ["ny", undefined],
  ["x", undefined],
  ["", undefined],
])("%j resembles %j", (word, key) => {
  expect(nearestKey(word)).toBe(key);
});

test("a long word costs nothing", () => {
  expect(nearestKey("memory".repeat(100_000))).toBe(undefined);
});

test("every key is nearest to itself, and no key stands in both tables", () => {
  const names = [...guestConfigKeys, ...knownKeys].map(({ name }) => name);
  expect(names.map(nearestKey)).toEqual(names);
  expect(new Set(names).size).toBe(names.length);
});
