import { newGate, openGate } from "./gate.ts";
import type { Suspension } from "./suspension.ts";
import type { TaskNotices } from "./worker/tasks.ts";

/**
 * Has the guest suspend when a thread that waits at the gate wants that.
 *
 * @param run starts the thread
 * @throws whatever the thread fails with, or why the guest has not suspended
 */
export async function suspendAtGate(
  suspension: Pick<Suspension, "request">,
  run: (gate: SharedArrayBuffer, notices: TaskNotices) => Promise<unknown>,
): Promise<void> {
  const gate = newGate();
  let failure: unknown;
  const suspend = async () => {
    try {
      await suspension.request();
      openGate(gate, true);
    } catch (error) {
      failure = error;
      openGate(gate, false);
    }
  };
  try {
    await run(gate, { suspend: () => void suspend() });
  } catch (error) {
    // The thread only knows that the guest has not suspended.
    throw failure ?? error;
  }
}
