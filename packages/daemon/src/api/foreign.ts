import { PvhError } from "@pvh/errors";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { HostDomain } from "../backend.ts";
import type { Domains } from "../domains.ts";

const Params = z.object({ id: z.string() });

/** What xl's user would type for an operation, before the domain. */
const xlCommands: Readonly<Record<string, string>> = {
  getDomain: "list -l",
  deleteDomain: "destroy",
  pauseDomain: "pause",
  unpauseDomain: "unpause",
  shutdownDomain: "shutdown",
  rebootDomain: "reboot",
  destroyDomain: "destroy",
  changeDomain: "mem-set",
  sendSysrq: "sysrq",
  pinDomain: "vcpu-pin",
  triggerDomain: "trigger",
  renameDomain: "rename",
  dumpDomain: "dump-core",
  listDevices: "block-list",
  attachDisk: "block-attach",
  detachDisk: "block-detach",
  attachVif: "network-attach",
  detachVif: "network-detach",
  openConsole: "console",
  getConsoleLog: "console",
};

/**
 * Whoever addresses a domain of the host that pvhd has not made is told so, and what would be right: it is not touched, and
 * not just unknown.
 */
export function refuseForeignDomains(app: FastifyInstance, domains: Domains): void {
  app.addHook("preHandler", async (request) => {
    const { data } = Params.safeParse(request.params);
    if (data === undefined) return;
    const foreign = await domains.foreignNamed(data.id);
    const operation = z.string().safeParse(request.routeOptions.schema?.operationId).data;
    if (foreign !== undefined) throw notOurs(data.id, foreign, operation);
  });
}

function notOurs(id: string, { domid, name }: HostDomain, operation = ""): PvhError {
  const command = xlCommands[operation];
  const hint = command === undefined ? "use xl" : `xl ${command} ${domid} does what you want`;
  const what = name === "" ? `domain ${domid}` : `domain ${domid} (${name})`;
  return new PvhError(
    "DOMAIN_NOT_FOUND",
    `${JSON.stringify(id)} is ${what} of this host, which is not pvhd's, so it does not touch it; ${hint}.`,
    { field: "id", found: id, allowed: "a domain that pvhd has created" },
  );
}
