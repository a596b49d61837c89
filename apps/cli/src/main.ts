import { formatError, PvhError } from "@pvh/errors";
import { CommanderError } from "commander";
import { exitStatus } from "./exit-status.ts";
import { program } from "./program.ts";

try {
  await program().parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) {
    // Help and version end here too, with 0; commander has printed its own text.
    process.exitCode = error.exitCode === 0 ? 0 : exitStatus.usage;
  } else {
    process.stderr.write(`pvhctl: ${formatError(error)}\n`);
    process.exitCode =
      error instanceof PvhError && error.code === "USAGE" ? exitStatus.usage : exitStatus.failed;
  }
}
