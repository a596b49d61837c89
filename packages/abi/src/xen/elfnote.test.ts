import { expect, test } from "vitest";
import { type HeaderCheck, headerMismatches, headersMissing } from "../header-check.testing.ts";
import { xenNoteName, xenNotes } from "./elfnote.ts";
import { xenFeatureMask, xenFeatureNames, xenFeatures } from "./features.ts";

/** Added after the release whose headers Debian 12 has; and one that the header only mentions in a comment. */
const notDefined = [
  "PHYS32_RELOC",
  "runstate_phys_area",
  "vcpu_time_phys_area",
  "dm_msix_all_writes",
  "grant_map_identity",
];

const check: HeaderCheck = {
  prelude: [],
  includes: ["xen/xen.h", "xen/elfnote.h", "xen/features.h"],
  structs: [],
  constants: Object.fromEntries(
    [
      ...Object.entries(xenNotes).map(([name, { number }]) => ["XEN_ELFNOTE_", name, number] as const),
      ...Object.entries(xenFeatures).map(([name, bit]) => ["XENFEAT_", name, bit] as const),
    ]
      .filter(([, name]) => !notDefined.includes(name))
      .map(([prefix, name, value]) => [prefix + name, value]),
  ),
};

test("note and feature numbers agree with Xen's public headers", (context) => {
  const missing = headersMissing(check, "install libxen-dev and a C compiler");
  if (missing !== undefined) context.skip(missing);
  expect(headerMismatches(check)).toEqual([]);
});

test("notes have names, features have masks", () => {
  expect(xenNoteName(18)).toBe("PHYS32_ENTRY");
  expect(xenNoteName(0x1000001)).toBe("CRASH_INFO");
  expect(xenNoteName(99)).toBeUndefined();
  expect(xenFeatureMask("auto_translated_physmap", "hvm_callback_vector")).toBe(0x104);
  expect(xenFeatureNames(0x80000104)).toEqual(["auto_translated_physmap", "hvm_callback_vector", "bit31"]);
});
