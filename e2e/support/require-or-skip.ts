/**
 * For suites that need something a machine may lack. `missing` is a sentence that says what is missing and what to
 * do, or undefined. Gives true when the suite should be skipped; in CI (CI=true) nothing may be skipped, so it throws.
 *
 *     describe.skipIf(requireOrSkip("Debian kernels", missingForKvmHost()))("...", () => {...})
 */
export function requireOrSkip(suite: string, missing: string | undefined): boolean {
  if (missing === undefined) return false;
  if (process.env.CI === "true") throw new Error(`${suite} must run in CI. ${missing}`);
  process.stderr.write(`skipped: ${suite}. ${missing}\n`);
  return true;
}
