import { expect, test } from "vitest";
import { type HeaderCheck, headerMismatches, headersMissing } from "../header-check.testing.ts";
import { DUMPCORE_NOTE, PFINFO_FIRST_ABSENT } from "./core-dump.ts";

const check: HeaderCheck = {
  prelude: ["#define __XEN_TOOLS__"],
  includes: ["xenctrl.h", "xen/elfnote.h"],
  structs: [],
  constants: {
    ...Object.fromEntries(
      Object.entries(DUMPCORE_NOTE).map(([name, number]) => [`XEN_ELFNOTE_DUMPCORE_${name}`, number]),
    ),
    XEN_DOMCTL_PFINFO_BROKEN: PFINFO_FIRST_ABSENT,
  },
};

test("the numbers of core dumps agree with Xen's headers", (context) => {
  const missing = headersMissing(check, "install libxen-dev and a C compiler");
  if (missing !== undefined) context.skip(missing);
  expect(headerMismatches(check)).toEqual([]);
});
