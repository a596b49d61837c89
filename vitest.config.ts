import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      // Pure code and processes without guests: one process, shared modules.
      {
        test: {
          name: "unit",
          isolate: false,
          testTimeout: 30_000,
          include: ["packages/*/src/**/*.test.ts", "apps/*/src/**/*.test.ts", "e2e/unit/**/*.test.ts"],
        },
      },
      // What this machine itself can show: guests on its /dev/kvm, real processes killed.
      {
        test: {
          name: "machine",
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          include: ["e2e/suites/*.test.ts"],
        },
      },
      // Emulated real hosts: slow, so apart.
      {
        test: {
          name: "hosts",
          fileParallelism: false,
          testTimeout: 900_000,
          hookTimeout: 900_000,
          include: ["e2e/hosts/*.test.ts"],
        },
      },
    ],
  },
});
