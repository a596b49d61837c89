import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { PAGE_SIZE } from "@pvh/abi";
import { PvhError } from "@pvh/errors";
import type { ForeignMemory, XenControl } from "@pvh/xenctl-ffi/native";
import { coreHead, coreTail, type FrameRange } from "./core-file.ts";

/** Frames of one question to the hypervisor, which takes no more. */
const QUESTION = 1024;
/** Frames that are written at a time: 4 MiB. */
const CHUNK = 1024;

/** What is needed of the hypervisor. */
export interface DumpedHost {
  control: Pick<XenControl, "domain" | "maximumGfn" | "presentFrames" | "vcpuContext" | "versionNote">;
  memory: Pick<ForeignMemory, "read">;
}

/**
 * Writes an ELF core of a domain, in the format of `xl dump-core`, into a new file that only its owner may read. Never into
 * a file that is there: whoever names it must not be able to replace what he may not write to himself.
 *
 * Not by xc_domain_dumpcore, which maps each of a million frames below 4 GiB to see whether there is one. Frames of the
 * hypervisor's own that the guest has mapped, such as its grant table, are not in the file.
 *
 * @throws PvhError FILE_EXISTS, FILE_UNWRITABLE or XEN_CALL; no file is left then
 */
export function dumpCore({ control, memory }: DumpedHost, domid: number, file: string): void {
  const fd = create(file);
  try {
    const write = (bytes: Uint8Array) => writeAll(fd, bytes, file);
    const frames = presentFrames(control, domid);
    write(coreHead({ contexts: vcpuContexts(control, domid), version: control.versionNote(), frames }));
    for (const { first, count } of pieces(frames)) {
      write(memory.read(domid, first * PAGE_SIZE, count * PAGE_SIZE));
    }
    for (const part of coreTail(frames)) write(part);
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

function presentFrames(control: DumpedHost["control"], domid: number): FrameRange[] {
  const ranges: FrameRange[] = [];
  const end = control.maximumGfn(domid) + 1;
  for (let first = 0; first < end; first += QUESTION) {
    const present = control.presentFrames(domid, first, Math.min(QUESTION, end - first));
    for (const [index, there] of present.entries()) {
      const last = ranges.at(-1);
      if (!there) continue;
      if (last !== undefined && last.first + last.count === first + index) last.count++;
      else ranges.push({ first: first + index, count: 1 });
    }
  }
  return ranges;
}

function vcpuContexts(control: DumpedHost["control"], domid: number): Uint8Array[] {
  const vcpus = (control.domain(domid)?.max_vcpu_id ?? 0) + 1;
  const contexts = Array.from({ length: vcpus }, (_, vcpu) => control.vcpuContext(domid, vcpu));
  return contexts.filter((context) => context !== undefined);
}

function* pieces(frames: readonly FrameRange[]): Generator<FrameRange> {
  for (const { first, count } of frames) {
    for (let done = 0; done < count; done += CHUNK) {
      yield { first: first + done, count: Math.min(CHUNK, count - done) };
    }
  }
}

function create(file: string): number {
  try {
    return openSync(file, "wx", 0o600);
  } catch (cause) {
    if (codeOf(cause) !== "EEXIST") throw unwritable(file, cause);
    const details = { field: "file", found: file, cause };
    throw new PvhError("FILE_EXISTS", `file: ${file} is there already; give another name.`, details);
  }
}

function writeAll(fd: number, bytes: Uint8Array, file: string): void {
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
  } catch (cause) {
    throw unwritable(file, cause);
  }
}

function unwritable(file: string, cause: unknown): PvhError {
  return new PvhError("FILE_UNWRITABLE", `file: ${file} cannot be written (${codeOf(cause)}).`, {
    field: "file",
    found: file,
    cause,
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
