import { createApp } from "./api/app.ts";
import { Domains } from "./domains.ts";
import { SimulatorBackend } from "./simulator/backend.ts";
import { openStore } from "./store.ts";

/** The OpenAPI document as the file has it. Needs no state: the routes alone make it. */
export async function openApiDocument(): Promise<string> {
  const domains = Domains.unattended({
    store: openStore(":memory:"),
    backend: new SimulatorBackend(),
    stateDir: "/nonexistent",
    hostBoot: "",
    log: () => {},
  });
  const app = await createApp(domains, () => {});
  const document = `${JSON.stringify(app.swagger(), null, 2)}\n`;
  await app.close();
  return document;
}
