import { DiskOptions, VifOptions } from "@pvh/builder";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { Domains } from "../domains.ts";
import { readDiskRequest, readVifRequest } from "./device-request.ts";
import { anyBody, defect, empty, IdParams, json, notFound, problems } from "./responses.ts";
import { Device } from "./schemas.ts";

const Force = z.object({
  force: z
    .enum(["true", "false"])
    .default("false")
    .describe("true: without waiting for the guest to let go of it"),
});
const noForce: [400, string] = [400, "force is neither true nor false"];
const noDevice: [404, string] = [404, "There is no such domain, or it has no such device"];
const ended: [409, string] = [409, "The domain's state does not allow it"];
const refused: [409, string] = [409, "The domain's state does not allow it, or the guest does not let go"];
const taken: [409, string] = [409, "The domain's state does not allow it, or the device is taken"];
const wrong: [422, string] = [422, "The device is not right, or its file cannot be used"];
const noJson: [400, string] = [400, "The body is not JSON"];

export function deviceRoutes(domains: Domains): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      "/domains/:id/devices",
      {
        schema: {
          operationId: "listDevices",
          summary: "List the disks and network interfaces of a live domain",
          params: IdParams,
          response: {
            200: json("The devices", z.array(Device)),
            ...problems(notFound, ended, defect),
          },
        },
      },
      async (request) => domains.devices(request.params.id),
    );

    app.post(
      "/domains/:id/disks",
      {
        validatorCompiler: anyBody,
        schema: {
          operationId: "attachDisk",
          summary: "Give a disk to a live domain",
          description: "Until the domain ends: its config stays as it is.",
          params: IdParams,
          body: z.union([z.string().describe("A disk as xl has it: /path/image,raw,xvdb"), DiskOptions]),
          response: {
            201: json("The disk is there; the guest takes it in its own time", Device),
            ...problems(noJson, notFound, taken, wrong, defect),
          },
        },
      },
      async (request, reply) =>
        reply.code(201).send(await domains.attachDisk(request.params.id, readDiskRequest(request.body))),
    );

    app.delete(
      "/domains/:id/disks/:vdev",
      {
        schema: {
          operationId: "detachDisk",
          summary: "Take a disk from a live domain",
          params: IdParams.extend({ vdev: z.string().describe("xvdb, or the disk's number") }),
          querystring: Force,
          response: { 204: empty("The disk is gone"), ...problems(noForce, noDevice, refused, defect) },
        },
      },
      async (request, reply) => {
        const { id, vdev } = request.params;
        await domains.detachDisk(id, vdev, request.query.force === "true");
        return reply.code(204).send();
      },
    );

    app.post(
      "/domains/:id/vifs",
      {
        validatorCompiler: anyBody,
        schema: {
          operationId: "attachVif",
          summary: "Give a network interface to a live domain",
          description: "Until the domain ends: its config stays as it is.",
          params: IdParams,
          body: z.union([z.string().describe("An interface as xl has it: bridge=br0"), VifOptions]),
          response: {
            201: json("The interface is there; the guest takes it in its own time", Device),
            ...problems(noJson, notFound, taken, wrong, defect, [
              503,
              "The host's network does not allow it",
            ]),
          },
        },
      },
      async (request, reply) =>
        reply.code(201).send(await domains.attachVif(request.params.id, readVifRequest(request.body))),
    );

    app.delete(
      "/domains/:id/vifs/:vif",
      {
        schema: {
          operationId: "detachVif",
          summary: "Take a network interface from a live domain",
          params: IdParams.extend({ vif: z.string().describe("devid or MAC address") }),
          querystring: Force,
          response: { 204: empty("The interface is gone"), ...problems(noForce, noDevice, refused, defect) },
        },
      },
      async (request, reply) => {
        const { id, vif } = request.params;
        await domains.detachVif(id, vif, request.query.force === "true");
        return reply.code(204).send();
      },
    );
  };
}
