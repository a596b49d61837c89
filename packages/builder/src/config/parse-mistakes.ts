import type { PvhError } from "@pvh/errors";
import type { Token } from "./lexer.ts";
import { shown, shownCharacter } from "./shown.ts";
import { syntaxError } from "./source-text.ts";

const identifier = /^[a-z][a-z0-9._]*$/;
const typographicQuotes = /^[\u2018-\u201f\u00ab\u00bb\u2039\u203a`]/u;
// Neither a letter, mark, number, punctuation nor symbol: what an editor does not show.
const invisible = /[^\p{L}\p{M}\p{N}\p{P}\p{S}]/u;
const nothings = new Set(["none", "null", "nil", "undefined"]);

/** How a message names a token. */
export function tokenName(token: Token): string {
  switch (token.kind) {
    case "end":
      return token.place.source.kind === "file" ? "the end of the file" : "the end of the argument";
    case "newline":
      return "the end of the line";
    case "word":
      return shown(token.text);
    case "string":
      return `the text ${shown(token.text)}`;
    default:
      return token.kind;
  }
}

/** Why the token can be no key, and how the key was probably meant. */
export function keyError(token: Token): PvhError {
  const { text, place } = token;
  const found = tokenName(token);
  const rule = "a lower-case letter, then a-z 0-9 . _";
  if (token.kind !== "word") {
    return syntaxError(place, `${found} stands where a key must be; a line is key = value`, found, rule);
  }
  if (text.startsWith("{")) {
    return syntaxError(
      place,
      "the text looks like JSON; a guest config file has lines of the form key = value",
      found,
      rule,
    );
  }
  const hidden = invisibleCharacter(token);
  if (hidden !== undefined) return hidden;
  const meant = text.toLowerCase().replaceAll("-", "_");
  if (identifier.test(meant)) {
    const why = text.includes("-") ? "keys have no hyphen" : "keys have no capitals";
    return syntaxError(place, `${found} is no key, because ${why}: write ${meant}`, found, meant);
  }
  return syntaxError(place, `${found} is no key: a key is ${rule}`, found, rule);
}

/** Why a bare word can be no value, and how the value was probably meant. */
export function wordValueError(token: Token, { key, bracket }: { key: string; bracket?: Token }): PvhError {
  const { text, place } = token;
  const found = shown(text);
  const lower = text.toLowerCase();
  const inList = bracket !== undefined;
  const written = (value: string): string => (inList ? value : `${key} = ${value}`);

  if (typographicQuotes.test(text)) {
    return syntaxError(
      place,
      `the value of ${key} begins with the quotation mark ${text.charAt(0)}, which has no meaning here`,
      found,
      "the plain quotes \" or '",
    );
  }
  const hidden = invisibleCharacter(token);
  if (hidden !== undefined) return hidden;

  const boolean = booleanWords.get(lower);
  if (boolean !== undefined) {
    return syntaxError(
      place,
      `the word ${text} is no value: use 1 for yes and 0 for no, or quote it if it is a text; write ${written(boolean)} or ${written(`"${text}"`)}`,
      found,
      `${boolean} or "${text}"`,
    );
  }
  if (nothings.has(lower)) {
    return syntaxError(
      place,
      `the word ${text} is no value: leave ${key} out when it shall have none, or quote it if it is a text: write ${written(`"${text}"`)}`,
      found,
      `"${text}", or no ${key} at all`,
    );
  }
  const size = /^([0-9]{1,9})([kmgt])(?:i?b)?$/.exec(lower);
  if (size !== null) {
    const [, digits = "", unit = "m"] = size;
    const mebibytes = Number(digits) * (mebibytesPer[unit] ?? 1);
    const allowed = Number.isInteger(mebibytes) && mebibytes > 0 ? String(mebibytes) : "a number";
    return syntaxError(
      place,
      `${found} is no number: sizes have no unit and are in MiB; write ${written(allowed)}, or quote it if it is a text`,
      found,
      allowed,
    );
  }
  if (/^[-+.]?[0-9][0-9.]*$/.test(text)) {
    return syntaxError(
      place,
      `${found} is no number, because numbers have no sign and no fraction; quote it if it is a text`,
      found,
      `a whole number from 0, or "${text}"`,
    );
  }
  const quoted = quote(inList ? text : restOfLine(token));
  return syntaxError(
    place,
    `the value ${found} of ${key} is not quoted: quote it, write ${written(quoted)}`,
    found,
    quoted,
  );
}

const booleanWords = new Map([
  ...["true", "yes", "on"].map((word) => [word, "1"] as const),
  ...["false", "no", "off"].map((word) => [word, "0"] as const),
]);

const mebibytesPer: Record<string, number> = { k: 1 / 1024, m: 1, g: 1024, t: 1024 * 1024 };

function invisibleCharacter({ text, place }: Token): PvhError | undefined {
  const match = invisible.exec(text);
  if (match === null) return undefined;
  const name = shownCharacter(match[0]);
  return syntaxError(
    { ...place, start: place.start + match.index },
    `the character ${name}, which editors do not show, stands outside of a text`,
    name,
    "blanks, tabs and visible characters",
  );
}

/** What the writer of an unquoted value probably wanted in the quotes. */
function restOfLine({ place }: Token): string {
  const { text } = place.source;
  const rest = text.slice(place.start, place.start + 200);
  return (/^[^\r\n#;]*/.exec(rest)?.[0] ?? "").trimEnd();
}

function quote(text: string): string {
  const delimiter = text.includes('"') && !text.includes("'") ? "'" : '"';
  const escaped = text.replaceAll("\\", "\\\\");
  const body = delimiter === '"' ? escaped.replaceAll('"', '\\"') : escaped;
  return `${delimiter}${body.length > 100 ? `${body.slice(0, 100)}...` : body}${delimiter}`;
}
