import { SysrqKey } from "@pvh/kvm";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { DomainRecord } from "../domain.ts";
import type { Domains } from "../domains.ts";
import { DomainChange, readDomainChange } from "./domain-change.ts";
import { readCreateRequest } from "./domain-request.ts";
import { anyBody, defect, empty, IdParams, json, notFound, problems } from "./responses.ts";
import { Domain, DomainRequest, DomainSummary, toDomain, toForeignSummary, toSummary } from "./schemas.ts";

const actions = [
  { name: "pause", summary: "Stop the domain's vCPUs" },
  { name: "unpause", summary: "Let the domain's vCPUs run (again)" },
  { name: "shutdown", summary: "Ask the guest to power off" },
  { name: "reboot", summary: "Ask the guest to reboot; its config's on_reboot says what happens then" },
  { name: "destroy", summary: "End the domain now, or what was preserved of it, and keep its record" },
] as const satisfies { name: keyof Domains; summary: string }[];

export function domainRoutes(domains: Domains): FastifyPluginAsyncZod {
  const shown = async (record: DomainRecord) => toDomain(record, await domains.live(record));
  const acted = { 200: json("The domain after the action", Domain) };
  const refused: [409, string] = [409, "The domain's state does not allow it, or its guest cannot be asked"];

  return async (app) => {
    app.post(
      "/domains",
      {
        validatorCompiler: anyBody,
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
          .send(await shown(domain));
      },
    );

    app.get(
      "/domains",
      {
        schema: {
          operationId: "listDomains",
          summary: "List the domains, the ended ones that nobody deleted too",
          querystring: z.object({
            all: z
              .enum(["1", "true", "0", "false"])
              .default("0")
              .describe("1 or true: also domains of the host that pvhd has not made; it does not touch them"),
          }),
          response: {
            200: json("In order of creation, those of others last", z.array(DomainSummary)),
            ...problems([400, "all is none of these words"], defect),
          },
        },
      },
      async (request) => {
        const own = domains.list().map(toSummary);
        if (!["1", "true"].includes(request.query.all)) return own;
        return [...own, ...(await domains.foreign()).map(toForeignSummary)];
      },
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
      async (request) => shown(domains.get(request.params.id)),
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
            response: { ...acted, ...problems(notFound, refused, defect) },
          },
        },
        async (request) => shown(await domains[name](request.params.id)),
      );
    }

    app.patch(
      "/domains/:id",
      {
        validatorCompiler: anyBody,
        schema: {
          operationId: "changeDomain",
          summary:
            "Say how much memory and how many vCPUs the guest is to have, and its share of the processors",
          description:
            "The guest follows in its own time, as far as it can: `memory_now` and `vcpus_online` show how far it is. The config stays as it is, so that a restart begins with it.",
          params: IdParams,
          body: DomainChange,
          response: {
            ...acted,
            ...problems(
              [400, "The body is not JSON, or names nothing that can be changed"],
              notFound,
              refused,
              [422, "The config does not allow so much, or so little"],
              defect,
              [501, "The backend cannot change that"],
            ),
          },
        },
      },
      async (request) => shown(await domains.change(request.params.id, readDomainChange(request.body))),
    );

    app.post(
      "/domains/:id/sysrq",
      {
        schema: {
          operationId: "sendSysrq",
          summary: "Send a key of Linux's Magic SysRq to the guest",
          params: IdParams,
          body: z.object({ key: SysrqKey.describe("One printable character") }),
          response: {
            ...acted,
            ...problems([400, "The body has no key of one printable character"], notFound, refused, defect),
          },
        },
      },
      async (request) => shown(await domains.sysrq(request.params.id, request.body.key)),
    );
  };
}
