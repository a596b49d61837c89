import { buildGuests } from "../guests/build.ts";
import { runGuest } from "../support/guest-runs.ts";
import { patience } from "../support/patience.ts";
import { noKvm } from "../support/programs.ts";

/** Fewer where all is slow. */
const samples = Math.ceil(1000 / patience);
const ways = {
  halted: "guest -> back end -> handler, the vCPU halted",
  running: "guest -> back end -> handler, the vCPU running",
  host: "back end -> handler, the vCPU running",
  self: "for comparison, to a port of the same vCPU",
};

/**
 * From EVTCHNOP_send in the guest until a handler in the guest runs, by the guest's clock: through the console's back end,
 * the way back from it alone, and to the vCPU itself.
 */
export async function benchEvents(): Promise<string[]> {
  const reason = noKvm();
  if (reason !== undefined) throw new Error(reason);
  const guests = await buildGuests();
  const lines: string[] = [];
  for (const kind of ["classic", "direct"]) {
    const kernel = guests[`${kind}-bench-events`] ?? "";
    const { stdout, stderr } = await runGuest({ kernel, cmdline: `samples=${samples}` });
    for (const [way, words] of Object.entries(ways)) {
      const match = new RegExp(`^events: ${way} min=(\\d+) median=(\\d+) p99=(\\d+)$`, "m").exec(stdout);
      if (match === null) throw new Error(`the guest did not report: ${stdout}${stderr}`);
      const [min, median, p99] = match.slice(1).map((ns) => (Number(ns) / 1000).toFixed(1));
      lines.push(`event ${words} (${kind}): min ${min} us, median ${median} us, p99 ${p99} us`);
    }
  }
  return lines;
}
