import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { triggers } from "../backend.ts";
import type { DomainRecord } from "../domain.ts";
import type { Domains } from "../domains.ts";
import { refuseRelative } from "./domain-request.ts";
import { Pinning, readPinning } from "./pinning.ts";
import { anyBody, defect, IdParams, json, notFound, problems } from "./responses.ts";
import { Domain, toDomain } from "./schemas.ts";

const acted = { 200: json("The domain after the action", Domain) };
const ended: [409, string] = [409, "The domain's state does not allow it"];
const unable: [501, string] = [501, "The backend, or its hypervisor, cannot do that"];

/** What is done to a domain without its guest's help. */
export function controlRoutes(domains: Domains): FastifyPluginAsyncZod {
  const shown = async (record: DomainRecord) => toDomain(record, await domains.live(record));

  return async (app) => {
    app.post(
      "/domains/:id/affinity",
      {
        validatorCompiler: anyBody,
        schema: {
          operationId: "pinDomain",
          summary: "Say on which CPUs of the host the vCPUs may run",
          description: "Until the domain ends; a restart begins with what its config says.",
          params: IdParams,
          body: Pinning,
          response: {
            ...acted,
            ...problems(
              [400, "The body is not JSON, or no object that names CPUs"],
              notFound,
              ended,
              [422, "There is no such vCPU, or none of the CPUs can be used"],
              defect,
              unable,
            ),
          },
        },
      },
      async (request) => shown(await domains.pin(request.params.id, readPinning(request.body))),
    );

    app.post(
      "/domains/:id/trigger",
      {
        schema: {
          operationId: "triggerDomain",
          summary: "Send a trigger to a vCPU",
          params: IdParams,
          body: z.object({
            trigger: z.enum(triggers),
            vcpu: z.int().nonnegative().default(0),
          }),
          response: {
            ...acted,
            ...problems(
              [400, "The body names no trigger"],
              notFound,
              ended,
              [422, "There is no such vCPU"],
              defect,
              unable,
            ),
          },
        },
      },
      async (request) => {
        const { trigger, vcpu } = request.body;
        return shown(await domains.trigger(request.params.id, trigger, vcpu));
      },
    );

    app.post(
      "/domains/:id/rename",
      {
        schema: {
          operationId: "renameDomain",
          summary: "Give a domain another name",
          description: "For good: its config has the new name as well.",
          params: IdParams,
          body: z.object({ name: z.string() }),
          response: {
            ...acted,
            ...problems(
              [400, "The body has no name"],
              notFound,
              [409, "The name belongs to another domain"],
              [422, "The name is not one that a domain can have"],
              defect,
            ),
          },
        },
      },
      async (request) => shown(await domains.rename(request.params.id, request.body.name)),
    );

    app.post(
      "/domains/:id/dump-core",
      {
        schema: {
          operationId: "dumpDomain",
          summary: "Write the memory of a live or preserved domain into a file of the host",
          description: "A live domain is paused meanwhile. Answers when the file is written.",
          params: IdParams,
          body: z.object({ file: z.string().describe("Absolute path of a file that is not there yet") }),
          response: {
            ...acted,
            ...problems(
              [400, "The body names no file"],
              notFound,
              [409, "The file is there, or the domain's state does not allow it"],
              [422, "The file's path is not absolute"],
              defect,
              unable,
            ),
          },
        },
      },
      async (request) => {
        const { file } = request.body;
        refuseRelative("file", file);
        return shown(await domains.dumpCore(request.params.id, file));
      },
    );
  };
}
