/**
 * The parts of a vCPU's first state, apart from the rest of the builder: for threads that start vCPUs and need nothing
 * else of it.
 */

export { classicContext } from "./classic/context.ts";
export { CONTEXT_DEFAULTS, registers, segment } from "./image/registers.ts";
