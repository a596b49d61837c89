import { expect, test } from "vitest";
import { type HeaderCheck, headerMismatches, headersMissing } from "../../header-check.testing.ts";
import * as blkif from "./blkif.ts";
import { sring } from "./ring.ts";

const prefixed = (prefix: string, values: Record<string, number>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]));

const native: HeaderCheck = {
  includes: ["xen/xen.h", "xen/io/blkif.h", "xen/io/protocols.h"],
  structs: [
    { c: "struct blkif_request_segment", codec: blkif.blkifRequestSegment },
    { c: "struct blkif_request", codec: blkif.blkifRequest64 },
    { c: "struct blkif_request_discard", codec: blkif.blkifRequestDiscard64 },
    { c: "struct blkif_request_indirect", codec: blkif.blkifRequestIndirect64 },
    { c: "struct blkif_response", codec: blkif.blkifResponse64 },
  ],
  constants: {
    ...prefixed("BLKIF_OP_", blkif.BLKIF_OP),
    ...prefixed("BLKIF_RSP_", blkif.BLKIF_RSP),
    ...prefixed("VDISK_", blkif.VDISK),
    BLKIF_MAX_SEGMENTS_PER_REQUEST: blkif.BLKIF_MAX_SEGMENTS_PER_REQUEST,
    BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST: blkif.BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST,
    "offsetof(struct blkif_sring, ring)": sring.size,
    "sizeof(union blkif_sring_entry)": blkif.blkifRequest64.size,
    ...Object.fromEntries(
      Object.entries(sring.fields).map(([name, field]) => [
        `offsetof(struct blkif_sring, ${name})`,
        field.offset,
      ]),
    ),
    [`__builtin_strcmp(XEN_IO_PROTO_ABI_X86_32, "${blkif.XEN_IO_PROTO_ABI.X86_32}")`]: 0,
    [`__builtin_strcmp(XEN_IO_PROTO_ABI_X86_64, "${blkif.XEN_IO_PROTO_ABI.X86_64}")`]: 0,
  },
};

/** The i386 rules for alignment, without a compiler for i386. */
const i386: HeaderCheck = {
  prelude: [
    "#include <xen/xen.h>",
    "#include <xen/grant_table.h>",
    "#include <xen/io/ring.h>",
    "#pragma pack(4)",
    "#define __i386__ 1",
  ],
  includes: ["xen/io/blkif.h"],
  structs: [
    { c: "struct blkif_request_segment", codec: blkif.blkifRequestSegment },
    { c: "struct blkif_request", codec: blkif.blkifRequest32 },
    { c: "struct blkif_request_discard", codec: blkif.blkifRequestDiscard32 },
    { c: "struct blkif_request_indirect", codec: blkif.blkifRequestIndirect32 },
    { c: "struct blkif_response", codec: blkif.blkifResponse32 },
  ],
  constants: {
    "offsetof(struct blkif_sring, ring)": sring.size,
    "sizeof(union blkif_sring_entry)": blkif.blkifRequest32.size,
  },
};

test.for([
  ["x86_64", native],
  ["x86_32", i386],
] as const)("block rings agree with Xen's public headers for %s", ([, check], context) => {
  const missing = headersMissing(check, "install libxen-dev and a C compiler");
  if (missing !== undefined) context.skip(missing);
  expect(headerMismatches(check)).toEqual([]);
});
