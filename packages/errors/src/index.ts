export {
  asPvhError,
  causeMessages,
  formatError,
  fromProblem,
  type Problem,
  toProblem,
} from "./problem.ts";
export { type ErrorDetails, hex, PvhError } from "./pvh-error.ts";
export { type ErrorCode, errorCodes, isErrorCode } from "./registry.ts";
export { printable, shown } from "./shown.ts";
