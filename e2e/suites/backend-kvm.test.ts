import { KvmBackend } from "@pvh/daemon";
import { beforeAll, describe } from "vitest";
import { buildGuests } from "../guests/build.ts";
import { noKvm } from "../support/programs.ts";
import { requireOrSkip } from "../support/require-or-skip.ts";
import { backendSuite } from "./backend.suite.ts";

let kernels: Record<string, string>;

beforeAll(async () => {
  kernels = await buildGuests();
});

describe.skipIf(requireOrSkip("KVM as a backend", noKvm()))("KVM", () => {
  const backend = new KvmBackend();
  backendSuite(() => ({ backend, guest: (name) => ({ kernel: kernels[`classic-${name}`] ?? "" }) }));
});
