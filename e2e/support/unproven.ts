/**
 * Tests that have not passed on an emulated host yet are run when PVH_UNPROVEN=1 says so, and named in the output when
 * they are not: no test that may hang for reasons nobody knows yet stands in the way of all others.
 */
export const unproven = process.env.PVH_UNPROVEN === "1";

/** Says what is left out. Returns whether it is. */
export function leftOut(what: string): boolean {
  if (!unproven)
    process.stderr.write(
      `not run, because it has not passed everywhere yet (PVH_UNPROVEN=1 runs it): ${what}\n`,
    );
  return !unproven;
}
