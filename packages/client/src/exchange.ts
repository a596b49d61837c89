import type { IncomingMessage } from "node:http";
import { fromProblem, type Problem, PvhError } from "@pvh/errors";
import { connectSocket, unreachable } from "./socket.ts";

// `import` reads every export of node:http, and one of them loads fetch, which takes longer than all the rest of a
// command.
const { request } = process.getBuiltinModule("node:http");

export interface Answer {
  status: number;
  /** The decoded JSON body; undefined when there is none. */
  body: unknown;
  /** The body as it came. */
  bytes: Uint8Array;
}

/** One request over a Unix socket. Failures of pvhd and of the connection are thrown as `PvhError`. */
export async function exchange(
  socket: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  const response = await send(socket, method, path, body).catch((cause: unknown) => {
    throw unreachable(socket, cause);
  });
  const { bytes, status, contentType } = response;
  const isJson = /^application\/(problem\+)?json/.test(contentType);
  const value: unknown = isJson ? parse(bytes) : undefined;
  const isOurs = value !== undefined || contentType === "application/octet-stream" || bytes.length === 0;
  if (status >= 200 && status < 300 && isOurs) return { status, body: value, bytes };
  throw asError(value) ?? notPvhd(socket, status);
}

/** The error that a response with a problem document stands for. */
export async function errorOf(socket: string, response: IncomingMessage): Promise<PvhError> {
  return asError(parse(await readAll(response))) ?? notPvhd(socket, response.statusCode ?? 0);
}

async function send(
  socket: string,
  method: string,
  path: string,
  body: unknown,
): Promise<{ status: number; contentType: string; bytes: Buffer }> {
  const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const headers: Record<string, string | number> = { host: "pvhd", connection: "close" };
  if (payload !== undefined) {
    headers["content-type"] = "application/json";
    headers["content-length"] = payload.length;
  }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = request(
      { method, path, headers, createConnection: () => connectSocket(socket) },
      resolve,
    );
    outgoing.once("error", reject);
    outgoing.end(payload);
  });
  return {
    status: response.statusCode ?? 0,
    contentType: response.headers["content-type"] ?? "",
    bytes: await readAll(response),
  };
}

async function readAll(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

function asError(value: unknown): PvhError | undefined {
  return isProblem(value) ? fromProblem(value) : undefined;
}

function isProblem(value: unknown): value is Problem {
  return (
    typeof value === "object" &&
    value !== null &&
    "code" in value &&
    typeof value.code === "string" &&
    "detail" in value &&
    typeof value.detail === "string" &&
    (!("causes" in value) || Array.isArray(value.causes))
  );
}

function notPvhd(socket: string, status: number): PvhError {
  return new PvhError(
    "DAEMON_UNREACHABLE",
    `What answers on ${socket} is not this version's pvhd (HTTP status ${status} without a problem document); give pvhd's socket with PVHD_SOCKET.`,
    { field: "socket", found: socket },
  );
}
