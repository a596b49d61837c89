/** No key of xl is longer; a longer word resembles none. */
const LONGEST = 48;

/** The candidate that was probably meant; the first of equally near ones. camelCase and hyphens count as spelling only. */
export function nearestWord(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > LONGEST) return undefined;
  const spelled = word
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/[- ]/g, "_")
    .toLowerCase();
  // One edit makes any short word into any other.
  let limit = spelled.length < 3 ? 0 : Math.min(3, 1 + Math.floor(spelled.length / 4));
  let nearest: string | undefined;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - spelled.length) > limit) continue;
    const distance = editDistance(spelled, candidate);
    if (distance > limit) continue;
    if (distance === 0) return candidate;
    limit = distance - 1;
    nearest = candidate;
  }
  return nearest;
}

/** Insertions, deletions, substitutions and swaps of neighbours between two words (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min((row[j - 1] ?? 0) + 1, (last[j] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
