import { toProblem } from "@pvh/errors";
import { z } from "zod";
import { LIMITS } from "./frames.ts";

const PROTOCOL = "pvhd-migration";
/** The one version that is spoken. */
export const VERSION = 1;

const MOST_CAUSES = 8;

const text = z.string().max(LIMITS.message);

const ProblemMessage = z.object({
  type: text,
  title: text,
  status: z.int(),
  detail: text,
  code: text,
  field: text.exactOptional(),
  offset: z.number().exactOptional(),
  found: text.exactOptional(),
  allowed: text.exactOptional(),
  line: z.int().exactOptional(),
  column: z.int().exactOptional(),
  excerpt: text.exactOptional(),
  causes: z.array(text).max(MOST_CAUSES).exactOptional(),
});

/**
 * What the two sides say, in this order. The sender: `hello`, `offer` and a head; `end` behind the memory; `go`. The
 * receiver: `hello`, `ready`, `restored`, `running`. Instead of any of them, and at any time before it, either may send its
 * `problem`, which is its last word.
 */
export const Message = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("hello"), protocol: z.literal(PROTOCOL), version: z.int() }),
  /** A domain, whose head follows, and how many pages it has at the moment. */
  z.object({ kind: z.literal("offer"), pages: z.int().min(0) }),
  /** There is a domain to take the memory, which may come now. */
  z.object({ kind: z.literal("ready") }),
  /** That was all of the memory, and the guest is suspended. */
  z.object({ kind: z.literal("end") }),
  /** All is there, and only waits. */
  z.object({ kind: z.literal("restored") }),
  /** The one permission to run: whoever has said it does not run it any more. */
  z.object({ kind: z.literal("go") }),
  z.object({ kind: z.literal("running") }),
  z.object({ kind: z.literal("problem"), problem: ProblemMessage }),
]);
export type Message = z.infer<typeof Message>;
export type MessageKind = Message["kind"];

export const hello: Message = { kind: "hello", protocol: PROTOCOL, version: VERSION };

export function encodeMessage(message: Message): Uint8Array {
  return Buffer.from(JSON.stringify(message));
}

/** @throws Error that says what is wrong with it */
export function decodeMessage(body: Uint8Array): Message {
  return Message.parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body)));
}

/** Characters of a text that a problem repeats. */
const LONGEST = 500;

/** A failure here, for the other side; what it quotes is cut so that it fits. */
export function problemMessage(error: unknown): Message {
  const { causes, ...problem } = toProblem(error);
  const short = Object.fromEntries(
    Object.entries(problem).map(([key, value]) => [
      key,
      typeof value === "string" ? value.slice(0, LONGEST) : value,
    ]),
  );
  const kept = causes?.slice(0, MOST_CAUSES).map((cause) => cause.slice(0, LONGEST));
  return Message.parse({
    kind: "problem",
    problem: { ...short, ...(kept === undefined ? {} : { causes: kept }) },
  });
}
