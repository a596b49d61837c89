import { parentPort } from "node:worker_threads";
import { toProblem } from "@pvh/errors";
import { doAfterwards } from "./afterwards.ts";
import { runTask } from "./run-task.ts";
import type { TaskAnswer, TaskRequest } from "./tasks.ts";

/** A thread that calls the hypervisor: one task at a time. */
const port = parentPort;
if (port === null) throw new Error("worker.ts is the entry of a worker thread.");

port.on("message", (request: TaskRequest) => {
  const { id } = request;
  const answer = (message: TaskAnswer) => port.postMessage(message);
  try {
    const output = runTask(request, {
      created: (domid) => answer({ id, domid }),
      suspend: () => answer({ id, wants: "suspend" }),
    });
    answer({ id, output });
  } catch (error) {
    answer({ id, problem: toProblem(error) });
  }
  doAfterwards();
});
