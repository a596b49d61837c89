import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { Duplex } from "node:stream";
import { ReadStream } from "node:tty";
import { PvhError } from "@pvh/errors";

/**
 * Opens the terminal that xenconsoled gives a console. It must not become pvhd's own, as it would where pvhd leads a session
 * without one: the end of the domain would hang pvhd up.
 */
export async function openTty(tty: string): Promise<FileHandle> {
  try {
    return await open(tty, constants.O_RDWR | constants.O_NOCTTY);
  } catch (cause) {
    throw new PvhError("DOMAIN_STATE", `The domain's console ${tty} cannot be opened.`, {
      found: tty,
      cause,
    });
  }
}

/**
 * The terminal that xenconsoled gives a console, where it writes no log: the first who reads gets what was printed until
 * then, as far as xenconsoled has kept it, and whoever reads beside him takes what he does not get.
 */
export async function openTerminalConsole(tty: string): Promise<Duplex> {
  const file = await openTty(tty);
  const terminal = new ReadStream(file.fd);
  terminal.setRawMode(true);
  const console = new Duplex({
    read() {
      terminal.resume();
    },
    write(chunk: Buffer, _encoding, done) {
      file.write(chunk).then(
        () => done(),
        () => done(),
      );
    },
    destroy(error, done) {
      terminal.destroy();
      void file.close().then(
        () => done(error),
        () => done(error),
      );
    },
  });
  terminal.on("data", (chunk) => {
    if (!console.push(chunk)) terminal.pause();
  });
  // With the domain goes the other side, which reading tells as an error.
  terminal.on("error", () => console.push(null));
  terminal.on("end", () => console.push(null));
  return console;
}
