import { expect, test } from "vitest";
import { miniOsText } from "./kernels.testing.ts";
import { parseXenGuest } from "./xen-guest.ts";

test("mini-os", () => {
  expect(parseXenGuest(miniOsText, 0)).toEqual({
    source: "__xen_guest",
    bsdSymtab: false,
    suspendCancel: false,
    modStartPfn: false,
    virtBase: 0n,
    paddrOffset: 0n,
    hypercallPage: 0x2000n,
    features: { supported: 0x10e, required: 0x2 },
    invalid: new Map(),
  });
});

test("every key; HYPERCALL_PAGE counts from a VIRT_BASE that stands behind it", () => {
  const text =
    "GUEST_OS=netbsd,GUEST_VER=3,XEN_VER=xen-3.0,LOADER=generic,HYPERCALL_PAGE=0x102,VIRT_BASE=0xffffffff80000000,VIRT_ENTRY=0xffffffff80100000,ELF_PADDR_OFFSET=010,PAE=yes[extended-cr3],BSD_SYMTAB,UNKNOWN=1";
  expect(parseXenGuest(text, 0)).toMatchObject({
    guestOs: "netbsd",
    guestVersion: "3",
    xenVersion: "xen-3.0",
    loader: "generic",
    virtBase: 0xffffffff80000000n,
    entry: 0xffffffff80100000n,
    hypercallPage: 0xffffffff80102000n,
    paddrOffset: 8n,
    paeMode: "extended-cr3",
    bsdSymtab: true,
  });
});

test.each(["PAE=yes", "PAE=no", "PAE"])("%s", (text) => {
  expect(parseXenGuest(text, 0).paeMode).toBe(text === "PAE=yes" ? "yes" : "no");
});

test.each(["zebra", "", "0x", "-1", "0x10000000000000000", "99999999999999999999", "09"])(
  "VIRT_BASE=%s is no number",
  (value) => {
    expect(parseXenGuest(`VIRT_BASE=${value}`, 0).invalid.get("VIRT_BASE")).toBe(
      `VIRT_BASE in __xen_guest is ${JSON.stringify(value)}, not a number of 64 bits.`,
    );
  },
);

test("an unknown required feature is an error", () => {
  expect(() => parseXenGuest("FEATURES=!warp", 7)).toThrow(
    expect.objectContaining({ code: "KERNEL_NOTE", details: expect.objectContaining({ offset: 7 }) }),
  );
});
