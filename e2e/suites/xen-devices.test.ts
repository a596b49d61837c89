import { beforeAll, describe } from "vitest";
import { buildGuests } from "../guests/build.ts";
import { noKvm } from "../support/programs.ts";
import { requireOrSkip } from "../support/require-or-skip.ts";
import { xenDevicesSuite } from "./xen-devices.suite.ts";

let kernels: Record<string, string>;

beforeAll(async () => {
  kernels = await buildGuests();
});

describe.skipIf(requireOrSkip("PV devices and boot sequences of guests", noKvm()))(
  "guests of the Xen platform",
  () => {
    xenDevicesSuite((guest) => kernels[guest] ?? "");
  },
);
