import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import websocket from "@fastify/websocket";
import Fastify, { type FastifyInstance } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import type { Domains } from "../domains.ts";
import { consoleRoute } from "./console-route.ts";
import { controlRoutes } from "./control-routes.ts";
import { deviceRoutes } from "./device-routes.ts";
import { domainRoutes } from "./domain-routes.ts";
import { refuseForeignDomains } from "./foreign.ts";
import { hostRoute } from "./host-route.ts";
import { parseJson } from "./json-error.ts";
import { migrationRoute } from "./migration-route.ts";
import { openApiOptions } from "./openapi.ts";
import { bodyLimit, installProblems, refuseMalformed, sendProblem } from "./problems.ts";
import { savedRoutes } from "./saved-routes.ts";

/** Bytes of one console input frame. */
const consoleFrameLimit = 1 << 16;

/**
 * The API over `domains`, not yet listening.
 *
 * @param prepare called before there are routes, for what must see all of them
 */
export async function createApp(
  domains: Domains,
  log: (line: string) => void,
  prepare: (app: FastifyInstance) => void = () => {},
): Promise<FastifyInstance> {
  const app = Fastify({
    bodyLimit,
    // When pvhd stops, requests under way get their answers.
    forceCloseConnections: "idle",
    return503OnClosing: false,
    routerOptions: { maxParamLength: 255 },
    frameworkErrors: (error, _request, reply) => {
      sendProblem(reply, error);
    },
    clientErrorHandler: refuseMalformed,
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    "application/json",
    { parseAs: "buffer" },
    async (_request: unknown, body: Buffer) => (body.length === 0 ? undefined : parseJson(body)),
  );
  prepare(app);
  installProblems(app, log);
  refuseForeignDomains(app, domains);
  await app.register(swagger, openApiOptions);
  await app.register(swaggerUi, { routePrefix: "/docs" });
  await app.register(websocket, { options: { maxPayload: consoleFrameLimit } });
  await app.register(domainRoutes(domains));
  await app.register(controlRoutes(domains));
  await app.register(savedRoutes(domains));
  await app.register(migrationRoute(domains));
  await app.register(deviceRoutes(domains));
  await app.register(consoleRoute(domains, log));
  await app.register(hostRoute(domains));
  app.get("/openapi.json", { schema: { hide: true } }, async (_request, reply) =>
    reply.type("application/json").send(JSON.stringify(app.swagger())),
  );
  await app.ready();
  return app;
}
