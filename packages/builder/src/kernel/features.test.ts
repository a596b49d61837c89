import { xenFeatures } from "@pvh/abi";
import { expect, test } from "vitest";
import { parseFeatures } from "./features.ts";

test("all known names, up to bit 20", () => {
  expect(parseFeatures(Object.keys(xenFeatures).join("|"), 0)).toEqual({ supported: 0x1fffff, required: 0 });
});

test("what is required is supported, too", () => {
  expect(parseFeatures("!writable_page_tables|dom0", 0)).toEqual({ supported: 0x801, required: 0x1 });
});

test("unknown offers, empty parts and spaces around names are ignored", () => {
  expect(parseFeatures("|from_the_future||dom0| hvm_pirqs|toString|", 0)).toEqual({
    supported: 0x800,
    required: 0,
  });
});

test.each(["!from_the_future", "dom0|!", "!DOM0", "!constructor"])(
  "%j requires what nobody knows",
  (features) => {
    expect(() => parseFeatures(features, 0x1234)).toThrow(
      expect.objectContaining({
        code: "KERNEL_NOTE",
        details: expect.objectContaining({
          field: "FEATURES",
          offset: 0x1234,
          found: features.slice(features.indexOf("!")),
          allowed: expect.stringContaining("supervisor_mode_kernel"),
        }),
      }),
    );
  },
);
