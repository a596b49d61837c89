import { StringDecoder } from "node:string_decoder";

/** A line longer than this is no message of ours. */
const LONGEST_LINE = 1 << 20;

/** Cuts a byte stream into parsed JSON lines. `feed` throws on a line that is not JSON or has no end. */
export class JsonLines {
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";

  *feed(chunk: Uint8Array): Generator<unknown> {
    this.#rest += this.#decoder.write(chunk);
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end < 0) break;
      const line = this.#rest.slice(0, end);
      this.#rest = this.#rest.slice(end + 1);
      if (line.trim() !== "") yield JSON.parse(line);
    }
    if (this.#rest.length > LONGEST_LINE)
      throw new RangeError(`a line is longer than ${LONGEST_LINE} characters`);
  }
}
