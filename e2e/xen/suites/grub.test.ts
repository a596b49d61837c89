import { describe, test } from "vitest";
import { noGrub, useGrub } from "../../suites/grub.suite.ts";
import { requireOrSkip } from "../../support/require-or-skip.ts";
import { noXen, XenGuests } from "../../support/xen-host.ts";

describe.skipIf(requireOrSkip("GRUB on Xen", noXen() ?? noGrub()))("GRUB's PVH image on Xen", () => {
  test("shows its prompt, answers commands, and reads a file from a disk's partition", async () => {
    await using xen = await XenGuests.start();
    await useGrub(xen.client, xen.folder);
  });
});
