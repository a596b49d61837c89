import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { HVM_PARAM } from "@pvh/abi";
import type { GuestConfig } from "@pvh/builder";
import { PvhError } from "@pvh/errors";
import type { StageTiming } from "../../domain.ts";
import { FIRST_PORTS } from "../first-ports.ts";
import { framesOf } from "../saved/frames-of.ts";
import { readHead, type SavedTexts } from "../saved/head.ts";
import { notSaved } from "../saved/problems.ts";
import { fileSource } from "../saved/source.ts";
import { type CheckedStream, checkStream } from "../saved/stream.ts";
import { TIMER_MODE } from "./context.ts";
import { createDomain, destroyAfter, limitMemory, prepareDomain, requireMemory } from "./new-domain.ts";
import type { Xen } from "./run-task.ts";
import type { BuiltDomain, ReceiveRequest, RestoredDomain, RestoreRequest } from "./tasks.ts";
import { mergedStages, timedStages } from "./timed.ts";

/** @throws PvhError FILE_UNREADABLE, SAVED_FORMAT, SAVED_TRUNCATED or SAVED_VERSION */
export function readSaved(file: string): SavedTexts {
  return withFile(file, (fd) => {
    const { end, ...texts } = readHead(fileSource(fd));
    return texts;
  });
}

/**
 * Makes a domain of a saved one, by libxl's steps; it is paused. All of the file is looked at first. A failure leaves no
 * domain.
 *
 * @param created is told the domid as soon as there is one
 */
export function restoreDomain(
  xen: Xen,
  request: RestoreRequest,
  created: (domid: number) => void,
): BuiltDomain {
  const { config, file } = request;
  const stages: StageTiming[] = [];
  return withFile(file, (fd) => {
    const stream = timedStages(stages)("inspect", () => inspect(fd, config));
    skipTo(fd, stream.start);
    requireMemory(xen.control, config, stream.pages);
    return makeDomain(xen, request, fd, stages, { created });
  });
}

/**
 * Makes a domain of a stream that comes in, which somebody looks at before it comes here; it is paused. A failure leaves no
 * domain.
 *
 * @param xen is opened here, so that the connection is closed whatever happens
 * @param ready is told the domid when the stream is wanted
 */
export function receiveDomain(
  xen: () => Xen,
  request: ReceiveRequest,
  ready: (domid: number) => void,
): BuiltDomain {
  const { config, fd, pages } = request;
  try {
    requireMemory(xen().control, config, pages);
    return makeDomain(xen(), request, fd, [], { ready });
  } finally {
    closeSync(fd);
  }
}

/** Are told the domid: when there is a domain, and when it takes its memory. */
interface Progress {
  created?: (domid: number) => void;
  ready?: (domid: number) => void;
}

/** @param fd is read from where it is */
function makeDomain(
  xen: Xen,
  request: RestoredDomain,
  fd: number,
  stages: StageTiming[],
  { created, ready }: Progress,
): BuiltDomain {
  const { config, memoryMap, msrRelaxed } = request;
  const timed = timedStages(stages);
  const domid = timed("allocate", () => createDomain(xen, request));
  created?.(domid);
  try {
    timed("allocate", () => allocate(xen, domid, request));
    ready?.(domid);
    const { store, console } = timed("restore", () => fill(xen, domid, config, fd));
    return {
      domid,
      bootInterface: "direct",
      stages: mergedStages(stages),
      memoryMap,
      msrRelaxed,
      store: { gfn: store, port: FIRST_PORTS.store },
      console: { gfn: console, port: FIRST_PORTS.console },
    };
  } catch (error) {
    destroyAfter(error, xen, domid);
    throw error;
  }
}

function inspect(fd: number, config: GuestConfig): CheckedStream {
  const source = fileSource(fd);
  return checkStream(source, readHead(source).end, framesOf(config));
}

function allocate(xen: Xen, domid: number, { config, memoryMap }: RestoredDomain): void {
  const { memory, maxmem = memory } = config;
  prepareDomain(xen, domid, config);
  // It may not yet have given back what it was told to.
  limitMemory(xen.control, domid, maxmem);
  xen.control.setParam(domid, HVM_PARAM.TIMER_MODE, TIMER_MODE);
  if (memoryMap !== undefined) xen.control.setMemoryMap(domid, memoryMap);
}

/** @returns the frames of the pages that the guest shares with the store and the console */
function fill(
  { control }: Xen,
  domid: number,
  config: GuestConfig,
  fd: number,
): { store: number; console: number } {
  const { store: storePort, console: consolePort } = FIRST_PORTS;
  const pages = control.restoreDomain(domid, {
    ...{ fd, storePort, consolePort },
    defaultCpuPolicy: () => control.applyCpuPolicy(domid, []),
  });
  if (pages.store === 0 || pages.console === 0) {
    throw notSaved("has a domain without pages for its store and console");
  }
  limitMemory(control, domid, config.memory);
  return pages;
}

/** libxenguest reads from where the file's position is. */
function skipTo(fd: number, end: number): void {
  const buffer = Buffer.alloc(64 << 10);
  for (let at = 0; at < end; ) {
    const read = readSync(fd, buffer, 0, Math.min(buffer.length, end - at), null);
    if (read === 0) throw notSaved("has become shorter meanwhile");
    at += read;
  }
}

function withFile<T>(file: string, work: (fd: number) => T): T {
  const fd = opened(file);
  try {
    return work(fd);
  } finally {
    closeSync(fd);
  }
}

/** What has no end, or waits for somebody, must not be waited for. */
function opened(file: string): number {
  let why: string;
  let cause: unknown;
  try {
    const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    if (fstatSync(fd).isFile()) return fd;
    closeSync(fd);
    why = "is not a regular file";
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    why = code === "ENOENT" ? "does not exist: check the path" : `cannot be read (${code})`;
    cause = error;
  }
  throw new PvhError("FILE_UNREADABLE", `file: ${file} ${why}.`, {
    field: "file",
    found: file,
    allowed: "a file of pvhctl save or xl save",
    cause,
  });
}
