import { closeSync, fstatSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import { RUNTIME_FILES } from "../protocol.ts";

/** Bytes after which the log moves aside; so a domain's log is at most twice this. */
const ROTATE_AT = 1 << 20;

/** The console's output in files of the runtime directory, whatever the guest writes how fast. */
export class ConsoleLog {
  readonly #dir: string;
  #fd: number;
  #size: number;

  constructor(dir: string) {
    this.#dir = dir;
    this.#fd = openSync(join(dir, RUNTIME_FILES.consoleLog), "a");
    this.#size = fstatSync(this.#fd).size;
  }

  /** A disk that is full costs the log, not the guest. */
  append(chunk: Uint8Array): void {
    try {
      if (this.#size + chunk.length > ROTATE_AT && this.#size > 0) this.#rotate();
      this.#size += writeSync(this.#fd, chunk);
    } catch {
      // Tried again with the next output.
    }
  }

  #rotate(): void {
    const path = join(this.#dir, RUNTIME_FILES.consoleLog);
    renameSync(path, join(this.#dir, RUNTIME_FILES.olderConsoleLog));
    const next = openSync(path, "a");
    closeSync(this.#fd);
    this.#fd = next;
    this.#size = 0;
  }
}

/** All console output of the domain that was kept: at most 2 MiB, also after it has ended. */
export function readConsoleLog(dir: string): Uint8Array {
  const parts = [RUNTIME_FILES.olderConsoleLog, RUNTIME_FILES.consoleLog].map((name) => {
    try {
      return readFileSync(join(dir, name));
    } catch {
      return new Uint8Array();
    }
  });
  return Buffer.concat(parts);
}
