import { getSystemErrorMessage } from "node:util";
import { PvhError } from "@pvh/errors";
import { errnoName } from "./libc.ts";

/**
 * The failure of a call to the hypervisor or its libraries.
 *
 * @param call as in C: `xc_domain_max_vcpus(7, 2)`
 * @param said what the library printed about it
 */
export function callError(call: string, number: number, said = ""): PvhError {
  const name = errnoName(number);
  const text = number > 0 ? ` (${getSystemErrorMessage(-number)})` : "";
  return new PvhError("XEN_CALL", `${call} failed with ${name}${text}.`, {
    field: call.replace(/\(.*/s, ""),
    found: name,
    ...(said === "" ? {} : { cause: new Error(said) }),
  });
}
