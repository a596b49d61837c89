import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { patience } from "../support/patience.ts";

/**
 * Suites inside an emulated host: those of project machine, or of e2e/xen/suites, started at less cost. emulated-suites.ts
 * has bundled our libraries, so that a VMM that a suite launches is the built one; one thread loads them for all suites of
 * a run.
 */
export default defineConfig({
  root: fileURLToPath(new URL("../..", import.meta.url)),
  resolve: {
    alias: [
      {
        find: /^@pvh\/(abi|builder|client|errors|kvm)$/,
        replacement: fileURLToPath(new URL("../node_modules/.cache/pvh/$1.mjs", import.meta.url)),
      },
    ],
  },
  test: {
    name: "machine",
    include: ["e2e/suites/*.test.ts", "e2e/xen/suites/*.test.ts"],
    pool: "threads",
    isolate: false,
    fileParallelism: false,
    testTimeout: 60_000 * patience,
    hookTimeout: 60_000 * patience,
  },
});
