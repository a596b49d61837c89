import { fileURLToPath } from "node:url";
import { SimulatorBackend } from "@pvh/daemon";
import { describe } from "vitest";
import { backendSuite } from "../suites/backend.suite.ts";

const kernel = fileURLToPath(import.meta.url);
const commandLines = {
  spin: "print=spin deaf",
  poweroff: "print=poweroff exit=poweroff",
  crash: "print=crash exit=crash",
  echo: "print=echo echo",
};

describe("the simulator", () => {
  const backend = new SimulatorBackend();
  backendSuite(() => ({ backend, guest: (name) => ({ kernel, cmdline: commandLines[name] }) }));
});
