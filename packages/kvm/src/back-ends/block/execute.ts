import { constants } from "node:os";
import { BLKIF_RSP } from "@pvh/abi";
import { type Done, type Piece, piecesAfter, type ServedDisk } from "./disk-io.ts";
import type { Request, Step } from "./request.ts";
import { SECTOR } from "./segments.ts";

/** Runs the steps of a request, one or more. `ended` is called once, with the status set, never within this call. */
export function execute(disk: ServedDisk, request: Request, ended: (request: Request) => void): void {
  runFrom(0);

  function runFrom(index: number): void {
    const step = request.steps[index];
    if (step === undefined) ended(request);
    else run(disk, step, (result) => finish(result, index + 1));
  }

  function finish(result: number, next: number): void {
    if (result < 0) {
      request.status = result === -constants.errno.EOPNOTSUPP ? BLKIF_RSP.EOPNOTSUPP : BLKIF_RSP.ERROR;
      ended(request);
    } else {
      runFrom(next);
    }
  }
}

function run(disk: ServedDisk, step: Step, done: Done): void {
  if (step.kind === "sync") {
    disk.io.sync(done);
  } else if (step.kind === "discard") {
    disk.discard(step.offset, step.length, done);
  } else {
    move(disk, step.kind, step.offset, step.segments.sectors * SECTOR, step.segments.pieces, done);
  }
}

/** All of `length` bytes, however often the host moves fewer than it was asked for. */
function move(
  disk: ServedDisk,
  kind: "read" | "write",
  offset: number,
  length: number,
  pieces: readonly Piece[],
  done: Done,
): void {
  disk.io[kind](offset, pieces, (result) => {
    if (result <= 0 || result >= length) {
      // Nothing moved: the image has become shorter.
      done(result === 0 ? -constants.errno.EIO : result);
    } else {
      move(disk, kind, offset + result, length - result, piecesAfter(pieces, result), done);
    }
  });
}
