import { PvhError } from "@pvh/errors";
import type { Arrival } from "../transfer/receiver.ts";

/** What the simulator's guests have as their memory. */
const MEMORY = "memory\n".repeat(100_000);

/** @throws PvhError SAVED_FORMAT */
export async function takeMemory(arrival: Arrival): Promise<void> {
  await arrival.ready();
  const pieces = [];
  for await (const piece of arrival.memory()) pieces.push(piece);
  if (Buffer.concat(pieces).toString() !== MEMORY) throw new PvhError("SAVED_FORMAT", "It is no memory.");
}

export async function* memory(): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(MEMORY);
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}
