import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { DomainRecord } from "../domain.ts";
import type { Domains } from "../domains.ts";
import { readCreateRequest } from "./domain-request.ts";
import { empty, json, problems } from "./responses.ts";
import { Domain, DomainRequest, DomainSummary, toDomain, toSummary } from "./schemas.ts";

const IdParams = z.object({ id: z.string().describe("uuid or name of the domain") });
const defect: [500, string] = [500, "A defect of pvhd or of the host; `code` says which"];
const notFound: [404, string] = [404, "There is no such domain"];

const actions = [
  { name: "pause", summary: "Stop the domain's vCPUs" },
  { name: "unpause", summary: "Let the domain's vCPUs run (again)" },
  { name: "shutdown", summary: "Ask the guest to power off" },
  { name: "destroy", summary: "End the domain now and keep its record" },
] as const satisfies { name: keyof Domains; summary: string }[];

export function domainRoutes(domains: Domains): FastifyPluginAsyncZod {
  return async (app) => {
    app.post(
      "/domains",
      {
        // The builder judges the config, with better sentences than a schema can give.
        validatorCompiler: () => (value: unknown) => ({ value }),
        schema: {
          operationId: "createDomain",
          summary: "Create and start a domain",
          description:
            "Answers when the domain runs, or is paused when `start_paused` is true. With a `uuid`, the request can be repeated: the same config gives 200 and the existing domain.",
          body: DomainRequest,
          response: {
            200: json("A domain of this uuid and config exists", Domain),
            201: json("The domain is created", Domain),
            ...problems(
              [400, "The body is not JSON, or no object"],
              [409, "The name or the uuid belongs to another domain"],
              [413, "The body is too large"],
              [415, "The body is not declared as JSON"],
              [422, "The config or a file that it names is not right"],
              defect,
              [501, "This host cannot do what was asked"],
              [503, "/dev/kvm is missing, or may not be opened"],
              [507, "The host has not enough memory"],
            ),
          },
        },
      },
      async (request, reply) => {
        const { config, startPaused } = readCreateRequest(request.body);
        const { domain, created } = await domains.create(config, startPaused);
        return reply
          .code(created ? 201 : 200)
          .header("location", `/domains/${domain.uuid}`)
          .send(toDomain(domain));
      },
    );

    app.get(
      "/domains",
      {
        schema: {
          operationId: "listDomains",
          summary: "List the domains, the ended ones that nobody deleted too",
          response: { 200: json("In order of creation", z.array(DomainSummary)), ...problems(defect) },
        },
      },
      async () => domains.list().map(toSummary),
    );

    app.get(
      "/domains/:id",
      {
        schema: {
          operationId: "getDomain",
          summary: "Show a domain",
          params: IdParams,
          response: { 200: json("The domain", Domain), ...problems(notFound, defect) },
        },
      },
      async (request) => toDomain(domains.get(request.params.id)),
    );

    app.delete(
      "/domains/:id",
      {
        schema: {
          operationId: "deleteDomain",
          summary: "End the domain if it is live, and forget it with its files",
          params: IdParams,
          response: {
            204: empty("The domain is gone"),
            ...problems(notFound, defect),
          },
        },
      },
      async (request, reply) => {
        await domains.remove(request.params.id);
        return reply.code(204).send();
      },
    );

    for (const { name, summary } of actions) {
      app.post(
        `/domains/:id/${name}`,
        {
          schema: {
            operationId: `${name}Domain`,
            summary,
            params: IdParams,
            response: {
              200: json("The domain after the action", Domain),
              ...problems(
                notFound,
                [409, "The domain's state does not allow it, or its guest cannot be asked"],
                defect,
              ),
            },
          },
        },
        async (request) => {
          const domain: DomainRecord = await domains[name](request.params.id);
          return toDomain(domain);
        },
      );
    }
  };
}
