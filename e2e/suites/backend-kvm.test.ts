import { KvmBackend } from "@pvh/daemon";
import { beforeAll, describe } from "vitest";
import { buildGuests } from "../guests/build.ts";
import { requireOrSkip } from "../hosts/require-or-skip.ts";
import { noKvm } from "../support/programs.ts";
import { backendSuite } from "./backend.suite.ts";

let kernels: Record<string, string>;

beforeAll(async () => {
  kernels = await buildGuests();
});

describe.skipIf(requireOrSkip("KVM as a backend", noKvm()))("KVM", () => {
  const backend = new KvmBackend();
  backendSuite(() => ({ backend, guest: (name) => ({ kernel: kernels[`classic-${name}`] ?? "" }) }));
});
