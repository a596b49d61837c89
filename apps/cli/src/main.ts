import { formatError, PvhError } from "@pvh/errors";
import { CommanderError } from "commander";
import { exitStatus } from "./exit-status.ts";
import { program } from "./program.ts";

// A reader that has seen enough (`| head`) is no failure worth a word; the VMM of `run` ends with this process.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") {
    const failure = new PvhError("FILE_UNWRITABLE", "The output cannot be written.", { cause: error });
    process.stderr.write(`pvhctl: ${formatError(failure)}\n`);
  }
  process.exit(exitStatus.outputLost);
});

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
