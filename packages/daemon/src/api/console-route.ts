import type { WebSocket } from "@fastify/websocket";
import { formatError, PvhError } from "@pvh/errors";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { DomainConsole } from "../console.ts";
import type { Domains } from "../domains.ts";
import { empty, IdParams, problems } from "./responses.ts";

/** A client that reads slowly makes the console wait at this many bytes, and the guest's output goes on to the log. */
const highWater = 256 * 1024;

/** Closing codes of RFC 6455. */
const normalClosure = 1000;
const internalError = 1011;

export function consoleRoute(domains: Domains, log: (line: string) => void): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      "/domains/:id/console/log",
      {
        schema: {
          operationId: "getConsoleLog",
          summary: "What the domain has printed, as far as it is kept (the last 1 to 2 MiB)",
          params: IdParams,
          response: {
            200: {
              description: "The output",
              content: {
                "application/octet-stream": {
                  schema: z.unknown().meta({ type: "string", format: "binary" }),
                },
              },
            },
            ...problems(
              [404, "There is no such domain"],
              [500, "A defect of pvhd or of the host; `code` says which"],
            ),
          },
        },
      },
      async (request, reply) =>
        reply.type("application/octet-stream").send(Buffer.from(domains.consoleLog(request.params.id))),
    );

    app.route({
      method: "GET",
      url: "/domains/:id/console",
      schema: {
        operationId: "openConsole",
        summary: "The domain's console as a WebSocket",
        description:
          "Binary frames: the earlier output first, then what the guest prints; frames to the server go to the guest. The server closes when the domain ends.",
        params: IdParams,
        response: {
          101: empty("The WebSocket is open"),
          ...problems(
            [404, "There is no such domain"],
            [426, "The request is no WebSocket upgrade"],
            [500, "A defect of pvhd or of the host; `code` says which"],
          ),
        },
      },
      preHandler: async (request) => {
        domains.get(request.params.id);
      },
      handler: async (_request, reply) => {
        reply.header("upgrade", "websocket");
        throw new PvhError(
          "REQUEST_UPGRADE",
          "The console is a WebSocket; connect with a WebSocket client.",
          {
            field: "upgrade",
            allowed: "websocket",
          },
        );
      },
      wsHandler: async (socket, request) => {
        // Frames that come before the console is open wait in the socket.
        socket.pause();
        try {
          const { id } = z.object({ id: z.string() }).parse(request.params);
          connect(socket, await domains.console(id));
        } catch (error) {
          log(`GET ${request.url} failed: ${formatError(error)}`);
          socket.resume();
          socket.close(internalError, "the console cannot be opened");
        }
      },
    });
  };
}

function connect(socket: WebSocket, { stream: console, recorded }: DomainConsole): void {
  // Who sees it close may ask at once how the domain has ended.
  const close = async () => {
    await recorded();
    socket.close(normalClosure, "the domain has ended");
  };
  console.on("data", (bytes: Buffer) => {
    socket.send(bytes, { binary: true }, () => {
      if (socket.bufferedAmount < highWater) console.resume();
    });
    if (socket.bufferedAmount >= highWater) console.pause();
  });
  console.once("end", () => void close());
  console.once("error", () => socket.close(internalError, "the console broke"));
  console.once("close", () => void close());

  socket.on("message", (data: Buffer) => {
    if (!console.writable || console.write(data)) return;
    socket.pause();
    console.once("drain", () => socket.resume());
  });
  socket.once("close", () => console.destroy());
  socket.once("error", () => console.destroy());
  socket.resume();
}
