export type { LocalApicHooks } from "./hooks.ts";
export { LocalApics } from "./local-apics.ts";
export { apicId } from "./state.ts";
