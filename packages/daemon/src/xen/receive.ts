import { Socket } from "node:net";
import { peerFailed } from "../transfer/problems.ts";
import type { Arrival } from "../transfer/receiver.ts";
import { framesOf } from "./saved/frames-of.ts";
import { StreamGuard } from "./saved/stream-guard.ts";
import type { BuiltDomain, RestoredDomain } from "./worker/tasks.ts";
import type { XenWorkers } from "./workers.ts";

/**
 * Makes a domain of one that comes from another host; it is paused. A failure leaves no domain.
 *
 * @throws PvhError HOST_MEMORY, XEN_CALL, MIGRATION_PEER, or what the other host says
 */
export async function receiveDomain(
  workers: XenWorkers,
  domain: RestoredDomain,
  arrival: Arrival,
): Promise<BuiltDomain> {
  const [ours, theirs] = await workers.run("socket-pair", null);
  const pipe = new Socket({ fd: ours });
  // The thread at its other end has the reason.
  pipe.on("error", () => {});
  const ready = Promise.withResolvers<void>();
  const request = { ...domain, fd: theirs, pages: arrival.pages };
  const building = workers.run("receive", request, { created: () => ready.resolve() });
  building.catch(ready.reject);
  try {
    await ready.promise;
    await arrival.ready();
    const [built] = await Promise.all([building, feed(domain, arrival, pipe)]);
    return built;
  } finally {
    pipe.destroy();
    // It is told by the end of the stream, and takes its domain away.
    await building.catch(() => {});
  }
}

/** Gives the thread what comes, as far as it is right. */
async function feed({ config }: RestoredDomain, arrival: Arrival, pipe: Socket): Promise<void> {
  const guard = new StreamGuard(framesOf(config));
  for await (const chunk of arrival.memory()) {
    try {
      guard.check(chunk);
    } catch (cause) {
      throw peerFailed(arrival.peer, "sends memory that cannot be restored", cause);
    }
    // The thread wants no more: it says why.
    if (!(await taken(pipe, chunk))) return;
  }
  if (!guard.whole) throw peerFailed(arrival.peer, "has sent less than all of the memory");
  pipe.end();
}

function taken(pipe: Socket, chunk: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    pipe.write(chunk, (error) => resolve(error === null || error === undefined));
  });
}
