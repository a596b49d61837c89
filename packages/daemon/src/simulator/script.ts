import type { GuestConfig } from "@pvh/builder";
import { type ErrorCode, isErrorCode } from "@pvh/errors";
import { ExitReason } from "../domain.ts";

/** What a simulated guest does. */
export interface Script {
  print: string[];
  exit?: ExitReason;
  fail?: ErrorCode;
  echo: boolean;
  deaf: boolean;
}

/** See `SimulatorBackend`. */
export function readScript(config: GuestConfig): Script {
  const script: Script = { print: [], echo: false, deaf: false };
  for (const word of (config.cmdline ?? "").split(" ")) {
    const [verb, value = ""] = word.split("=", 2);
    if (verb === "print") script.print.push(value);
    if (verb === "exit") script.exit = ExitReason.parse(value);
    if (verb === "fail" && isErrorCode(value)) script.fail = value;
    if (verb === "echo") script.echo = true;
    if (verb === "deaf") script.deaf = true;
  }
  return script;
}
