import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Domains } from "../domains.ts";
import { json, problems } from "./responses.ts";
import { Host, toHost } from "./schemas.ts";

export function hostRoute(domains: Domains): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      "/host",
      {
        schema: {
          operationId: "getHost",
          summary: "What this host can do",
          response: {
            200: json("The host", Host),
            ...problems([500, "A defect of pvhd or of the host; `code` says which"]),
          },
        },
      },
      async () => toHost(await domains.checkHost()),
    );
  };
}
