import { readFileSync } from "node:fs";
import type { FastifyInstance } from "fastify";
import { expect } from "vitest";
import { z } from "zod";

const Content = z.record(z.string(), z.object({ schema: z.unknown() }));
const OpenApi = z.object({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({ responses: z.record(z.string(), z.object({ content: Content.optional() })) }),
    ),
  ),
  components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
});

/**
 * Holds every answer of the API against openapi.json: its status must be documented, its body must have the documented
 * shape. At the end `unproduced` says which documented answers no test has seen.
 */
export class DocumentedAnswers {
  readonly #document = OpenApi.parse(
    JSON.parse(readFileSync(new URL("../../openapi.json", import.meta.url), "utf8")),
  );
  readonly #seen = new Set<string>();

  watch(app: FastifyInstance): void {
    app.addHook("onSend", async (request, reply, payload) => {
      const url = request.routeOptions.url;
      if (url === undefined) return;
      const path = url.replaceAll(/:(\w+)/g, "{$1}");
      if (this.#document.paths[path] === undefined) return;
      this.check(request.method, path, reply.statusCode, String(reply.getHeader("content-type")), payload);
    });
  }

  check(method: string, path: string, status: number, contentType: string, payload: unknown): void {
    const name = `${method} ${path} ${status}`;
    const response = this.#document.paths[path]?.[method.toLowerCase()]?.responses[status];
    expect(response, `${name} is not documented`).toBeDefined();
    this.#seen.add(name);
    if (response?.content === undefined) return;
    const type = contentType.split(";", 1)[0] ?? "";
    const media = response.content[type];
    expect(media, `${name}: ${type} is not documented`).toBeDefined();
    if (!type.endsWith("json")) return;
    const found = this.#schema(media?.schema).safeParse(JSON.parse(String(payload)));
    expect(found.error?.issues, `${name}: ${payload}`).toBeUndefined();
  }

  unproduced(): string[] {
    const all = Object.entries(this.#document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { responses }]) =>
        Object.keys(responses).map((status) => `${method.toUpperCase()} ${path} ${status}`),
      ),
    );
    return all.filter((name) => !this.#seen.has(name));
  }

  #schema(schema: unknown): z.ZodType {
    const text = JSON.stringify({ ...Object(schema), $defs: this.#document.components.schemas });
    const local = text.replaceAll("#/components/schemas/", "#/$defs/");
    // zod would also ask for the version and variant bits of RFC 9562, which Xen's uuids need not have.
    const anyUuid = `"pattern":"^[0-9a-f-]{36}$"`;
    return z.fromJSONSchema(JSON.parse(local.replaceAll('"format":"uuid"', anyUuid)));
  }
}
