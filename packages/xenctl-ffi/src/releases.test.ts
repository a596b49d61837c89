import { expect, test } from "vitest";
import { xenRelease } from "./releases.ts";

const version = (major: number, minor: number) => (major << 16) | minor;

test.each([
  [17, 64, "acpi"],
  [18, 64, "acpi"],
  [19, 68, "acpi"],
  [20, 68, "acpi"],
  [21, 68, "nvs"],
  [22, 68, "nvs"],
] as const)("Xen 4.%d has its own layouts", (minor, size, acpiMemoryType) => {
  const release = xenRelease(version(4, minor));
  expect(release).toMatchObject({ name: `4.${minor}`, acpiMemoryType });
  expect(release.createDomain.size).toBe(size);
});

test.each([
  [4, 16],
  [4, 23],
  [5, 17],
])("Xen %d.%d is refused by name", (major, minor) => {
  expect(() => xenRelease(version(major, minor))).toThrow(
    expect.objectContaining({
      code: "HOST_XEN_VERSION",
      message: expect.stringContaining(`Xen ${major}.${minor}`),
    }),
  );
});
