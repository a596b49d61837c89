import { buildGuests } from "../guests/build.ts";
import { missingForXenHost, startXenHost } from "../hosts/xen-host.ts";

/** On the emulated Xen host: pvhd and xl create and destroy the same domains in turns; then many small ones. */
export async function benchXen(): Promise<string[]> {
  const missing = await missingForXenHost();
  if (missing !== undefined) throw new Error(missing);
  await buildGuests();
  await using host = await startXenHost();
  const { status, stdout, stderr } = await host.run("node e2e/bench/xen-domains.ts", {
    timeoutMs: 1_800_000,
  });
  if (status !== 0) throw new Error(`${stdout}${stderr}`);
  return stdout.trim().split("\n");
}
