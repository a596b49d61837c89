/**
 * Time limits of suites are there against hangs, never a measure: all of them are multiplied by this number, which an
 * emulated host sets (PVH_PATIENCE), where starting a program takes seconds.
 */
export const patience = factor(process.env.PVH_PATIENCE);

function factor(text = ""): number {
  const number = Number(text);
  return Number.isFinite(number) && number > 1 ? number : 1;
}
