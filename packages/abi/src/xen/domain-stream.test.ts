import { expect, test } from "vitest";
import { type HeaderCheck, headerMismatches, headersMissing } from "../header-check.testing.ts";
import * as stream from "./domain-stream.ts";

const check: HeaderCheck = {
  includes: ["xenctrl.h", "xenguest.h"],
  structs: [
    { c: "struct save_callbacks", codec: stream.saveCallbacks },
    { c: "struct restore_callbacks", codec: stream.restoreCallbacks },
  ],
  constants: {
    XCFLAGS_LIVE: stream.XCFLAGS.LIVE,
    XC_STREAM_PLAIN: stream.XC_STREAM_PLAIN,
    XGR_SDD_MISSING_CPUID: stream.XGR_SDD_MISSING.CPUID,
    XGR_SDD_MISSING_MSR: stream.XGR_SDD_MISSING.MSR,
  },
};

test("what libxenguest is called with agrees with its header", (context) => {
  const missing = headersMissing(check, "install libxen-dev and a C compiler");
  if (missing !== undefined) context.skip(missing);
  expect(headerMismatches(check)).toEqual([]);
});

// The formats of files are in no header that is installed.
test("magic and identifiers are the texts that they stand for", () => {
  expect(stream.XL_SAVE_MAGIC.length).toBe(stream.xlSaveHeader.fields.magic.size);
  const text = (value: bigint | number) => Buffer.from(value.toString(16), "hex").toString();
  expect(text(stream.LIBXL_STREAM.ident)).toBe("LibxlFmt");
  expect(text(stream.LIBXC_IMAGE.id)).toBe("XENF");
});
