import type { Socket } from "node:net";
import { type Problem, PvhError, toProblem } from "@pvh/errors";
import type { FastifyInstance, FastifyReply } from "fastify";
import { hasZodFastifySchemaValidationErrors, isResponseSerializationError } from "fastify-type-provider-zod";

/** Bytes. A guest config is a few hundred. */
export const bodyLimit = 1 << 20;

const problemType = "application/problem+json; charset=utf-8";

/** Answers every failure, also those of fastify itself, with a problem document. */
export function installProblems(app: FastifyInstance, log: (line: string) => void): void {
  const routes: { method: string; pattern: RegExp }[] = [];
  app.addHook("onRoute", ({ method, url }) => {
    for (const one of [method].flat()) routes.push({ method: one, pattern: routePattern(url) });
  });

  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?", 1)[0] ?? "/";
    const allowed = routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
    if (allowed.length === 0) {
      throw new PvhError(
        "REQUEST_PATH",
        `There is no path ${JSON.stringify(path)} in the API; GET /openapi.json lists the paths.`,
        { field: "path", found: path },
      );
    }
    const list = [...new Set(allowed)].sort().join(", ");
    reply.header("allow", list);
    throw new PvhError("REQUEST_METHOD", `${path} does not take ${request.method}; it takes ${list}.`, {
      field: "method",
      found: request.method,
      allowed: list,
    });
  });

  app.setErrorHandler((error, request, reply) => {
    const problem = sendProblem(reply, error);
    if (problem.code === "INTERNAL") {
      const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
      log(`${request.method} ${request.url} failed: ${stack}`);
    }
  });
}

/** Answers with the problem document of any thrown value. */
export function sendProblem(reply: FastifyReply, error: unknown): Problem {
  const problem = toProblem(asKnown(error));
  // A problem is not one of the bodies that the route's schemas describe, so it does not pass through them.
  void reply
    .code(problem.status)
    .type(problemType)
    .serializer((body: unknown) => JSON.stringify(body))
    .send(problem);
  return problem;
}

/** Answers what is not even HTTP, then hangs up. */
export function refuseMalformed(cause: Error, socket: Socket): void {
  if (socket.destroyed || !socket.writable) return;
  const problem = toProblem(
    new PvhError("REQUEST_INVALID", "The request is not valid HTTP/1.1.", { field: "request", cause }),
  );
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 400 Bad Request\r\ncontent-type: ${problemType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

/** `/domains/:id` as the expression that matches its paths. */
function routePattern(url: string): RegExp {
  const parts = url.split("/").map((part) => {
    if (part.startsWith(":")) return "[^/]+";
    return part.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&").replace("*", ".*");
  });
  return new RegExp(`^${parts.join("/")}$`);
}

function asKnown(error: unknown): unknown {
  if (error instanceof PvhError) return error;
  if (isResponseSerializationError(error)) {
    return new PvhError("INTERNAL", "The answer does not have the shape that the API documents.", {
      cause: new Error(
        error.cause.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; "),
      ),
    });
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    const { validation } = error;
    const field = validation[0]?.instancePath.replaceAll("/", ".").replace(/^\./, "") || "request";
    return new PvhError("REQUEST_INVALID", `${field}: ${validation[0]?.message ?? "invalid"}.`, { field });
  }
  if (!isFastifyError(error)) return error;
  switch (error.code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return new PvhError("REQUEST_TOO_LARGE", `The body is larger than ${bodyLimit} bytes.`, {
        field: "body",
        allowed: bodyLimit,
        cause: error,
      });
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return new PvhError(
        "REQUEST_MEDIA_TYPE",
        "The body must be JSON: send it with the header content-type: application/json.",
        { field: "content-type", allowed: "application/json", cause: error },
      );
    default:
      if (error.statusCode >= 500) return error;
      return new PvhError("REQUEST_INVALID", `The request cannot be read: ${error.message}.`, {
        cause: error,
      });
  }
}

function isFastifyError(error: unknown): error is Error & { code: string; statusCode: number } {
  return (
    error instanceof Error &&
    "code" in error &&
    typeof error.code === "string" &&
    "statusCode" in error &&
    typeof error.statusCode === "number"
  );
}
