import { formatError, PvhError } from "@pvh/errors";
import { startDaemon } from "./daemon.ts";
import { openBackend } from "./open-backend.ts";
import { readOptions, usage } from "./options.ts";

const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), process.env, process.getuid?.() ?? 0);
  if (options === undefined) {
    process.stdout.write(usage);
    return;
  }
  const stop = await startDaemon(options, openBackend(options), log);
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => {
      log(`${signal}: pvhd ends, the domains keep running`);
      stop().catch(fail);
    });
  }
  // Last, because who reads this may send a signal at once.
  process.stdout.write(`pvhd listening on ${options.socket}\n`);
}

function fail(error: unknown): void {
  process.stderr.write(`pvhd: ${formatError(error)}\n`);
  process.exitCode = error instanceof PvhError && error.code === "USAGE" ? 2 : 1;
}

main().catch(fail);
