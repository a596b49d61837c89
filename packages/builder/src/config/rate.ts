/** What a vif may send: `bytes` in each `microseconds`. */
export interface VifRate {
  readonly bytes: number;
  readonly microseconds: number;
}

/** Of the number before the unit, and of an interval in microseconds, as in xl. */
const MAX_U32 = 2 ** 32 - 1;
/** Of the product of both, by which xl divides. */
const MAX_U64 = 2 ** 64;
const DEFAULT_INTERVAL = 50_000;

const amount = /^([1-9][0-9]*)([GMK]?)([bB])\/s$/;
const interval = /^([1-9][0-9]*)(s|ms|us)$/;

const multipliers: Record<string, number> = { "": 1, K: 1e3, M: 1e6, G: 1e9 };
const microsecondsIn: Record<string, number> = { s: 1e6, ms: 1e3, us: 1 };

/**
 * xl's rate: `10Mb/s` (bits), `250KB/s` (bytes), `1MB/s@20ms` (credit renewed each 20 ms instead of each 50). Undefined
 * for anything else, and for rates that allow nothing or are beyond counting.
 *
 * An interval has a unit here: xl's manual calls one without it microseconds, and xl counts it as seconds.
 */
export function parseRate(text: string): VifRate | undefined {
  if (text.length > 64) return undefined;
  const [rate = "", every, ...more] = text.split("@");
  const [, digits, prefix = "", unit] = amount.exec(rate) ?? [];
  const microseconds = every === undefined ? DEFAULT_INTERVAL : parseInterval(every);
  if (digits === undefined || microseconds === undefined || more.length > 0) return undefined;
  const number = Number(digits);
  if (number > MAX_U32) return undefined;
  const perSecond = Math.floor((number * (multipliers[prefix] ?? 1)) / (unit === "b" ? 8 : 1));
  const product = perSecond * microseconds;
  const bytes = Math.floor(product / 1e6);
  return bytes >= 1 && product < MAX_U64 ? { bytes, microseconds } : undefined;
}

function parseInterval(text: string): number | undefined {
  const [, digits, unit = ""] = interval.exec(text) ?? [];
  const microseconds = Number(digits) * (microsecondsIn[unit] ?? Number.NaN);
  return microseconds <= MAX_U32 ? microseconds : undefined;
}
