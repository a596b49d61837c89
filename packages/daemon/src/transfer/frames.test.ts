import { PvhError } from "@pvh/errors";
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeFrame, FrameError, type FrameKind, FrameReader, LIMITS } from "./frames.ts";
import { decodeMessage, encodeMessage, type Message, problemMessage } from "./messages.ts";

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function framesOf(bytes: Uint8Array, size: number): Promise<string[]> {
  const reader = new FrameReader(cut(bytes, size));
  const found = [];
  for (let frame = await reader.next(); frame !== undefined; frame = await reader.next()) {
    found.push(`${frame.kind} ${Buffer.from(frame.body).toString("hex")}`);
  }
  return found;
}

const kinds: FrameKind[] = ["message", "head", "data"];

test("frames come out as they went in, however they are cut", async () => {
  const some = fc.array(fc.tuple(fc.constantFrom(...kinds), fc.uint8Array({ maxLength: 40 })));
  await fc.assert(
    fc.asyncProperty(some, fc.integer({ min: 1, max: 60 }), async (frames, size) => {
      const bytes = Buffer.concat(frames.map(([kind, body]) => encodeFrame(kind, body)));
      const wanted = frames.map(([kind, body]) => `${kind} ${Buffer.from(body).toString("hex")}`);
      expect(await framesOf(bytes, size)).toEqual(wanted);
    }),
  );
});

test("a frame that is too long is refused before any of it is kept", async () => {
  for (const [number, kind] of kinds.entries()) {
    const header = Buffer.from([number + 1, 0, 0, 0, 0]);
    header.writeUInt32BE(LIMITS[kind] + 1, 1);
    await expect(framesOf(header, 5)).rejects.toThrow(FrameError);
  }
});

test("what is no frame is refused", async () => {
  await expect(framesOf(Buffer.from("GET / HTTP/1.1\r\n\r\n"), 64)).rejects.toThrow("unknown kind 71");
  const frame = encodeFrame("data", new Uint8Array(100));
  for (const length of [1, 4, 5, 6, 104]) {
    await expect(framesOf(frame.subarray(0, length), 3)).rejects.toThrow(/ends in a frame/);
  }
});

test("any bytes are read in bounds", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      await framesOf(bytes, 7).catch((error: unknown) => expect(error).toBeInstanceOf(FrameError));
    }),
  );
});

test("messages are what they were, and nothing else is one", () => {
  const message: Message = { kind: "offer", pages: 7 };
  expect(decodeMessage(encodeMessage(message))).toEqual(message);
  for (const text of ["", "{}", '{"kind":"offer","pages":-1}', '{"kind":"other"}', "[]", "\xff"]) {
    expect(() => decodeMessage(Buffer.from(text, "latin1"))).toThrow();
  }
});

test("a problem keeps its code, its details and its causes, and fits into a frame", () => {
  const cause = new Error("the inner one", { cause: new Error("the innermost") });
  const problem = problemMessage(
    new PvhError("HOST_MEMORY", "There is too little.", { field: "memory", found: 7, cause }),
  );
  expect(problem).toMatchObject({
    problem: { code: "HOST_MEMORY", detail: "There is too little.", field: "memory", found: "7" },
  });
  expect(problem).toMatchObject({ problem: { causes: ["the inner one", "the innermost"] } });
  // Six bytes each.
  const long = "\u0001".repeat(100_000);
  let deep = new Error(long);
  for (let i = 0; i < 20; i++) deep = new Error(long, { cause: deep });
  const details = { field: long, found: long, allowed: long, excerpt: long, cause: deep };
  const big = problemMessage(new PvhError("XEN_CALL", long, details));
  expect(encodeMessage(big).length).toBeLessThan(LIMITS.message);
});
