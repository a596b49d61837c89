import { defineConfig } from "vitest/config";
import { patience } from "./e2e/support/patience.ts";

// A machine that others use, too, may stand still for longer than a test waits. What passed only when it was repeated is
// listed at the end of .ci/run's log.
const retry = process.env.CI === "true" ? 1 : 0;

export default defineConfig({
  test: {
    projects: [
      // Pure code and processes without guests: one process, shared modules.
      {
        test: {
          name: "unit",
          retry,
          isolate: false,
          testTimeout: 30_000,
          include: ["packages/*/src/**/*.test.ts", "apps/*/src/**/*.test.ts", "e2e/unit/**/*.test.ts"],
        },
      },
      // Our programs as processes, on real files; no guests.
      {
        test: {
          name: "processes",
          retry,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          include: ["e2e/processes/*.test.ts"],
        },
      },
      // Guests on /dev/kvm, and VMM processes killed at every stage: this machine's, or that of an emulated host.
      {
        test: {
          name: "machine",
          retry,
          fileParallelism: false,
          testTimeout: 60_000 * patience,
          hookTimeout: 60_000 * patience,
          include: ["e2e/suites/*.test.ts"],
        },
      },
      // Emulated real hosts, of KVM and of Xen: slow, so apart.
      {
        test: {
          name: "hosts",
          fileParallelism: false,
          testTimeout: 900_000,
          hookTimeout: 900_000,
          include: ["e2e/hosts/*.test.ts"],
        },
      },
      {
        test: {
          name: "xen",
          fileParallelism: false,
          testTimeout: 900_000,
          hookTimeout: 900_000,
          include: ["e2e/xen/*.test.ts"],
        },
      },
    ],
  },
});
