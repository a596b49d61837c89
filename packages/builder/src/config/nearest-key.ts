import { guestConfigKeys } from "./guest-config.ts";
import { knownKeys } from "./known-keys.ts";
import { nearestWord } from "./nearest-word.ts";

/** Implemented keys come first: of two equally near ones they are the more helpful. */
const candidates = [...guestConfigKeys, ...knownKeys].map(({ name }) => name);

/** The key that was probably meant, or undefined when none is near. */
export function nearestKey(word: string): string | undefined {
  return nearestWord(word, candidates);
}
