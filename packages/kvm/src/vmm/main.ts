import { readFileSync } from "node:fs";
import { PvhError, toProblem } from "@pvh/errors";
import { DomainFile, RUNTIME_FILES, VMM_TITLE } from "../protocol.ts";
import { Domain } from "./domain.ts";
import { LauncherPipe } from "./launcher-pipe.ts";
import { probeHost } from "./probe.ts";

/**
 * Entry of the VMM process. It runs one domain, described by domain.json in its working directory; or, with the
 * argument `probe`, prints what the host's KVM offers.
 */
async function main(): Promise<void> {
  if (process.argv[2] === "probe") {
    process.stdout.write(`${JSON.stringify(probeHost())}\n`);
    return;
  }
  // Sockets and logs are the owner's alone.
  process.umask(0o077);
  const launcher = new LauncherPipe();
  let file: DomainFile;
  try {
    file = readDomainFile();
  } catch (error) {
    await launcher.tell({ failed: { ...toProblem(error) } });
    process.exit(1);
  }
  process.title = `${VMM_TITLE} ${file.config.name}`;
  const domain = new Domain(file, launcher);
  process.on("exit", () => domain.kickAll());
  process.on("SIGTERM", () => domain.terminate());
  // Signals of a terminal concern whoever is attached to the domain, not the domain.
  process.on("SIGINT", () => {});
  process.on("SIGHUP", () => {});
  await domain.start();
}

function readDomainFile(): DomainFile {
  try {
    return DomainFile.parse(JSON.parse(readFileSync(RUNTIME_FILES.domain, "utf8")));
  } catch (cause) {
    throw new PvhError("INTERNAL", `The VMM cannot use ${RUNTIME_FILES.domain} in ${process.cwd()}.`, {
      cause,
    });
  }
}

await main();
