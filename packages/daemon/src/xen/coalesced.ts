/**
 * What has to be done after each call, but not for each of them: calls that come while it is done have it done once more.
 *
 * @param work must not fail
 */
export function coalesced(work: () => Promise<void>): () => void {
  let running = false;
  let again = false;
  const run = async () => {
    running = true;
    do {
      again = false;
      await work();
    } while (again);
    running = false;
  };
  return () => {
    if (running) again = true;
    else void run();
  };
}
