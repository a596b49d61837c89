/**
 * What travels on a connection between two daemons: frames of a kind (1 byte) and a length (4 bytes, big-endian). This form
 * stays, whatever version of the protocol is spoken in it.
 */
export type FrameKind = "message" | "head" | "data";

export interface Frame {
  kind: FrameKind;
  body: Uint8Array;
}

const HEADER = 5;
const NUMBERS: Readonly<Record<FrameKind, number>> = { message: 1, head: 2, data: 3 };

/** Bytes of a body at most. */
export const LIMITS: Readonly<Record<FrameKind, number>> = {
  message: 64 << 10,
  // A config with all of its devices is a hundredth of that.
  head: 1 << 20,
  data: 256 << 10,
};

export function encodeFrame(kind: FrameKind, body: Uint8Array): Uint8Array {
  const header = Buffer.alloc(HEADER);
  header.writeUInt8(NUMBERS[kind]);
  header.writeUInt32BE(body.length, 1);
  return Buffer.concat([header, body]);
}

/** A frame that nobody sends who speaks this. */
export class FrameError extends Error {}

/** Frames out of pieces as they come. Keeps one frame and one piece at most. */
export class FrameReader {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /**
   * @returns undefined when the other side has ended between two frames
   * @throws FrameError, or what the stream fails with
   */
  async next(): Promise<Frame | undefined> {
    const header = await this.#take(HEADER);
    if (header === undefined) return undefined;
    const [number = 0] = header;
    const length = new DataView(header.buffer, header.byteOffset).getUint32(1);
    const kind = kindOf(number);
    if (length > LIMITS[kind]) {
      throw new FrameError(`A frame of kind ${kind} has ${length} bytes; ${LIMITS[kind]} are allowed.`);
    }
    const body = await this.#take(length);
    if (body === undefined) throw new FrameError("The connection ends in a frame.");
    return { kind, body };
  }

  /** Takes what still comes, and looks at none of it. */
  async drain(): Promise<void> {
    while ((await this.#pieces.next()).done !== true);
  }

  /** Undefined when nothing comes any more. */
  async #take(length: number): Promise<Uint8Array | undefined> {
    const taken = [];
    let missing = length;
    while (this.#rest.length < missing) {
      taken.push(this.#rest);
      missing -= this.#rest.length;
      this.#rest = new Uint8Array();
      const { done, value } = await this.#pieces.next();
      if (done === true) {
        if (missing === length) return undefined;
        throw new FrameError("The connection ends in a frame.");
      }
      this.#rest = value;
    }
    taken.push(this.#rest.subarray(0, missing));
    this.#rest = this.#rest.subarray(missing);
    return taken.length === 1 ? taken[0] : Buffer.concat(taken);
  }
}

function kindOf(number: number): FrameKind {
  if (number === NUMBERS.message) return "message";
  if (number === NUMBERS.head) return "head";
  if (number === NUMBERS.data) return "data";
  throw new FrameError(`A frame is of the unknown kind ${number}.`);
}
