import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { Domains } from "../domains.ts";
import { DEFAULT_PORT } from "../transfer/address.ts";
import { defect, IdParams, json, notFound, problems } from "./responses.ts";
import { Domain, toDomain } from "./schemas.ts";

const MigrationRequest = z.strictObject({
  host: z
    .string()
    .regex(/^[^\s/[\]]{1,255}$/)
    .describe("Name or address of the other host, for which its certificate is made out"),
  port: z.int().min(1).max(65_535).default(DEFAULT_PORT).describe("Where its pvhd takes domains"),
  live: z
    .boolean()
    .default(true)
    .describe("The guest runs on while its memory is sent, and suspends for the rest of it only"),
});

/** Domains that go to other hosts. */
export function migrationRoute(domains: Domains): FastifyPluginAsyncZod {
  return async (app) => {
    app.post(
      "/domains/:id/migrate",
      {
        schema: {
          operationId: "migrateDomain",
          summary: "Move a live domain to another host",
          description:
            "It keeps its name, uuid and memory. Its disks and bridges must be there by the same names. The record that stays here says where it went. When it cannot be moved it goes on here, and nothing of it is there; the problem may be the other host's. After MIGRATION_UNDECIDED it stays here, paused, because nobody knows whether it runs there.",
          params: IdParams,
          body: MigrationRequest,
          response: {
            200: json("What is left of the domain here", Domain),
            ...problems(
              [400, "The body names no host"],
              notFound,
              [409, "A domain's state does not allow it, or something of it is taken on the other host"],
              [422, "The other host cannot have what the domain has"],
              defect,
              [501, "A backend cannot migrate, or not this domain; or pvhd was started without certificates"],
              [502, "The other pvhd cannot be reached, or has broken off"],
              [503, "The other host's hypervisor or network does not allow it"],
              [504, "It is not known whether the domain runs there"],
              [507, "The other host has not enough memory"],
            ),
          },
        },
      },
      async (request) => {
        const { host, port, live } = request.body;
        const record = await domains.migrate(request.params.id, { host, port }, live);
        return toDomain(record, await domains.live(record));
      },
    );
  };
}
