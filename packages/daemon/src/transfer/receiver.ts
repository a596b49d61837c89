import { formatError } from "@pvh/errors";
import type { Link } from "./link.ts";
import { problemMessage } from "./messages.ts";
import { isUndecided } from "./problems.ts";

/** A domain that comes from another host, as far as it has come. */
export interface Arrival {
  /** For messages: where it comes from. */
  readonly peer: string;
  /** As in a file with a saved domain. */
  readonly head: Uint8Array;
  /** Of memory that it has there. */
  readonly pages: number;
  /** Says that there is a domain that takes the memory. */
  ready(): Promise<void>;
  /** The memory, as the backend there writes it; ends when that was all. */
  memory(): AsyncIterable<Uint8Array>;
  /** Says that the domain is complete, and resolves when it is ours. */
  permission(): Promise<void>;
}

/**
 * The receiver's half of the protocol.
 *
 * @param land makes the domain and lets it run; what it throws is told, and it then must have left nothing, unless that is
 * MIGRATION_UNDECIDED
 */
export async function receive(
  link: Link,
  land: (arrival: Arrival) => Promise<void>,
  log: (line: string) => void,
): Promise<void> {
  try {
    await link.greet();
    const { pages } = await link.expect("offer", link.patience.hello);
    const { bytes: head } = await link.expect("head", link.patience.hello);
    await land(arrivalOn(link, head, pages));
    await link.send({ kind: "running" });
    await link.close();
  } catch (error) {
    log(`a domain that came from ${link.peer} was not taken: ${formatError(error)}`);
    await refuse(link, error);
  }
}

/** Tells the other side why, and that nothing is left here. */
export async function refuse(link: Link, error: unknown): Promise<void> {
  // Whether something is left is not known: so says silence.
  if (isUndecided(error)) {
    link.destroy();
    return;
  }
  try {
    await link.send(problemMessage(error));
  } catch {
    // It has gone before.
  }
  await link.close();
}

function arrivalOn(link: Link, head: Uint8Array, pages: number): Arrival {
  const { patience } = link;
  return {
    peer: link.peer,
    head,
    pages,
    ready: () => link.send({ kind: "ready" }),
    memory: () => memoryOn(link),
    permission: async () => {
      await link.send({ kind: "restored" });
      await link.expect("go", patience.step);
      link.decisive = true;
    },
  };
}

async function* memoryOn(link: Link): AsyncGenerator<Uint8Array> {
  for (;;) {
    const incoming = await link.next(link.patience.memory);
    if (incoming.kind === "end") return;
    if (incoming.kind !== "data") throw link.unexpected(incoming, "memory");
    yield incoming.bytes;
  }
}
