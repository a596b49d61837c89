import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { AfterSave } from "../backend.ts";
import type { DomainRecord } from "../domain.ts";
import type { Domains } from "../domains.ts";
import { refuseRelative } from "./domain-request.ts";
import { defect, IdParams, json, notFound, problems } from "./responses.ts";
import { Domain, toDomain } from "./schemas.ts";

const unable: [501, string] = [501, "The backend cannot save and restore, or not this domain"];

const SaveRequest = z.strictObject({
  file: z.string().describe("Absolute path of a file that is not there yet"),
  checkpoint: z.boolean().default(false).describe("The domain goes on"),
  leave_paused: z.boolean().default(false).describe("The domain stays, paused, whatever checkpoint says"),
});

const RestoreRequest = z.strictObject({
  file: z.string().describe("Absolute path of a saved domain"),
  start_paused: z.boolean().default(false),
  name: z.string().optional().describe("Another name than the one that it was saved with"),
});

/** Domains in files. */
export function savedRoutes(domains: Domains): FastifyPluginAsyncZod {
  const shown = async (record: DomainRecord) => toDomain(record, await domains.live(record));

  return async (app) => {
    app.post(
      "/domains/:id/save",
      {
        schema: {
          operationId: "saveDomain",
          summary: "Write a live domain with its memory into a file of the host",
          description:
            "The guest suspends itself for that. When all is written the domain ends, and its record says so, unless it is asked to stay. When it cannot be written the domain goes on, and there is no file.",
          params: IdParams,
          body: SaveRequest,
          response: {
            200: json("The domain after it was saved", Domain),
            ...problems(
              [400, "The body names no file"],
              notFound,
              [409, "The file is there, the domain's state does not allow it, or its guest does not suspend"],
              [422, "The file's path is not absolute"],
              defect,
              unable,
            ),
          },
        },
      },
      async (request) => {
        const { file, checkpoint, leave_paused } = request.body;
        refuseRelative("file", file);
        return shown(await domains.save(request.params.id, file, afterSave(checkpoint, leave_paused)));
      },
    );

    app.post(
      "/domains/restore",
      {
        schema: {
          operationId: "restoreDomain",
          summary: "Make a domain of a saved one",
          description:
            "It has the saved one's name, uuid, devices and memory, and its guest goes on. The file stays. Files of xl's are read too, as far as a domain here can have what they say.",
          body: RestoreRequest,
          response: {
            201: json("The domain is restored", Domain),
            ...problems(
              [400, "The body names no file"],
              [409, "The name or the uuid belongs to another domain"],
              [422, "The file is not a saved domain, is damaged, or says what cannot be had"],
              defect,
              unable,
              [503, "The hypervisor cannot be reached, or the host's network does not allow it"],
              [507, "The host has not enough memory"],
            ),
          },
        },
      },
      async (request, reply) => {
        const { file, start_paused: startPaused, name } = request.body;
        refuseRelative("file", file);
        const domain = await domains.restore(file, { startPaused, name });
        return reply
          .code(201)
          .header("location", `/domains/${domain.uuid}`)
          .send(await shown(domain));
      },
    );
  };
}

function afterSave(checkpoint: boolean, leavePaused: boolean): AfterSave {
  if (leavePaused) return "pause";
  return checkpoint ? "go-on" : "end";
}
