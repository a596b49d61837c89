import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { XenBackend } from "@pvh/daemon";
import { afterAll, beforeAll, describe } from "vitest";
import { buildGuests } from "../../guests/build.ts";
import { backendSuite, type SuiteGuest } from "../../suites/backend.suite.ts";
import { requireOrSkip } from "../../support/require-or-skip.ts";
import { noXen } from "../../support/xen-host.ts";

let kernels: Record<string, string>;

beforeAll(async () => {
  kernels = await buildGuests();
});

/** Xen gives a guest no serial port, so these print on the PV console. */
const names: Record<SuiteGuest, string> = {
  spin: "spin-pv",
  poweroff: "poweroff-pv",
  crash: "crash-pv",
  echo: "pv-echo",
};

describe.skipIf(requireOrSkip("Xen as a backend", noXen()))("Xen", () => {
  const cache = mkdtempSync(join(tmpdir(), "pvh-kernels-"));
  const backend = new XenBackend(cache);

  afterAll(async () => {
    await backend.close();
    rmSync(cache, { recursive: true, force: true });
  });

  describe.each(["classic", "direct"])("%s guests", (flavour) => {
    backendSuite(() => ({
      backend,
      guest: (name) => ({ kernel: kernels[`${flavour}-${names[name]}`] ?? "" }),
    }));
  });
});
