import { describe, test } from "vitest";
import { withDaemon } from "../support/daemon-runs.ts";
import { noKvm } from "../support/programs.ts";
import { requireOrSkip } from "../support/require-or-skip.ts";
import { noGrub, useGrub } from "./grub.suite.ts";

describe.skipIf(requireOrSkip("GRUB", noKvm() ?? noGrub()))("GRUB's PVH image", () => {
  test("shows its prompt, answers commands, and reads a file from a disk's partition", () =>
    withDaemon(({ client, folder }) => useGrub(client, folder)));
});
