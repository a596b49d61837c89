import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { root } from "../support/programs.ts";
import { quantile } from "./measure.ts";

/** What figures.testing.ts prints: how fast each round was, through the ring and by the host's own reads. */
interface Figure {
  what: string;
  host: string;
  unit: string;
  ring: Round[];
  plain: Round[];
}

interface Round {
  rate: number;
  /** Microseconds of CPU time for each MiB or read. */
  cpu: number;
}

/** The block back end on a file in TMPDIR, beside the host's reads of it. No guest takes part. */
export async function benchBlock(): Promise<string[]> {
  const program = join(root, "packages/kvm/src/back-ends/block/figures.testing.ts");
  const child = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "close");
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [status] = await ended;
  if (status !== 0) throw new Error(`the block back end did not work: ${errors}`);
  const figures = output.trim().split("\n").map(figureLine);
  return [...figures, ...errors.split("\n").filter((line) => line !== "")];
}

function figureLine(json: string): string {
  const { what, host, unit, ring, plain }: Figure = JSON.parse(json);
  const best = (rounds: Round[]) => Math.max(...rounds.map(({ rate }) => rate));
  const median = (rounds: Round[]) =>
    quantile(
      rounds.map(({ rate }) => rate),
      0.5,
    );
  const cpu = (rounds: Round[]) =>
    quantile(
      rounds.map((round) => round.cpu),
      0,
    );
  const shown = (rounds: Round[]) =>
    `${best(rounds).toFixed(0)} ${unit} (${cpu(rounds).toFixed(1)} us of CPU each)`;
  const ratios = `${(best(ring) / best(plain)).toFixed(2)} x (medians ${(median(ring) / median(plain)).toFixed(2)} x)`;
  return `${what}: best ${shown(ring)}, ${host} ${shown(plain)}: ${ratios}`;
}
