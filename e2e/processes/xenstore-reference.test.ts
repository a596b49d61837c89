import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { withFolder } from "../support/programs.ts";
import { requireOrSkip } from "../support/require-or-skip.ts";
import { scenarios } from "../support/xenstored/store-scenarios.ts";
import { StoreScript } from "../support/xenstored/store-script.ts";
import {
  noXenstored,
  type StoreServer,
  startOwnStore,
  startRealXenstored,
} from "../support/xenstored/store-servers.ts";

/** Our store answers as Xen's own C xenstored does: the same requests, the same replies and events. */

async function record(
  server: StoreServer,
  scenario: (script: StoreScript) => Promise<void>,
): Promise<string[]> {
  const script = new StoreScript(server);
  try {
    await scenario(script);
    return script.record;
  } finally {
    script.close();
    await server.stop();
  }
}

describe.skipIf(requireOrSkip("the store against xenstored", noXenstored()))(
  "the store and xenstored",
  () => {
    test.for(Object.keys(scenarios))("%s", { timeout: 120_000 }, (name) =>
      withFolder("pvh-xenstored", async (folder) => {
        const scenario = scenarios[name];
        if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
        for (const sub of ["real", "own"]) mkdirSync(join(folder, sub));
        const real = await record(await startRealXenstored(join(folder, "real")), scenario);
        const own = await record(startOwnStore(join(folder, "own")), scenario);
        expect(real.length).toBeGreaterThan(20);
        const differs = real.findIndex((line, i) => line !== own[i]);
        const context = (lines: string[]) => lines.slice(Math.max(0, differs - 6), differs + 4);
        if (differs >= 0) expect(context(own)).toEqual(context(real));
        expect(own).toEqual(real);
      }),
    );
  },
);
