import { XS } from "@pvh/abi";
import { defect, XenStoreError } from "./error.ts";
import type { Answer, SendRequest } from "./request.ts";

/** Bytes of names that are taken at the most. 32,751 domains have 200 KiB of them. */
const NAMES_MAX = 4 << 20;
/** Times that a list which changes while it is read is begun again. */
const ATTEMPTS_MAX = 100;

interface Part {
  /** Another one when the node has changed. */
  generation: string;
  /** Names, each with its NUL. */
  names: string;
  last: boolean;
}

const answer: Answer<Part | undefined> = { parse: partOf, instead: { ENOENT: undefined } };

/** The names below a node that has too many of them for one message; empty when the node is gone meanwhile. */
export async function listInParts(send: SendRequest, path: string): Promise<string[]> {
  let names = "";
  let generation: string | undefined;
  for (let attempts = 0; attempts < ATTEMPTS_MAX; ) {
    const strings = [path, `${names.length}`];
    const part = await send({ type: XS.DIRECTORY_PART, verb: "list", subject: path, strings }, answer);
    if (part === undefined) return [];
    if (generation !== undefined && part.generation !== generation) {
      attempts++;
      names = "";
      generation = undefined;
      continue;
    }
    generation = part.generation;
    names += part.names;
    if (part.last) return names.split("\0").slice(0, -1);
    if (names.length > NAMES_MAX) throw endless(path, `has more than ${NAMES_MAX} bytes of names`);
  }
  throw endless(path, `has changed ${ATTEMPTS_MAX} times while it was listed`);
}

/** The generation, then names, then an empty string when there are no more. */
function partOf(payload: string): Part {
  const [generation = ""] = payload.split("\0", 1);
  const last = payload.endsWith("\0\0");
  const names = payload.slice(generation.length + 1, last ? -1 : undefined);
  // A part that brings nothing would be asked for again and again.
  const complete = last || names.endsWith("\0");
  if (!/^\d{1,20}$/.test(generation) || !complete) throw defect("a malformed part of a list");
  return { generation, names, last };
}

function endless(path: string, why: string): XenStoreError {
  return new XenStoreError(`${path} of XenStore cannot be listed: it ${why}.`);
}
