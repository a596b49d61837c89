export { commandLine, configWarnings } from "./config/command-line.ts";
export {
  GuestConfig,
  type GuestConfigInput,
  type GuestConfigKey,
  guestConfigKeys,
} from "./config/guest-config.ts";
export { type KeyStanding, type KnownKey, knownKeys } from "./config/known-keys.ts";
export { type ParseOptions, parseGuestConfig } from "./config/parse-guest-config.ts";
export { type Assignment, type ConfigFile, parseConfigText, type ValueNode } from "./config/parser.ts";
export { fillConfigReference } from "./config/reference.ts";
export type { Place, Position, SourceText } from "./config/source-text.ts";
export { validateGuestConfig } from "./config/validate.ts";
export type * from "./image/image.ts";
