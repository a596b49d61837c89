import { loadLibrary } from "./library.ts";

/** LZMA_OK */
const OK = 0;
/** Bytes that decoding may take: twice what the largest preset of xz needs. */
const MEMORY_LIMIT = 128n << 20n;

type Decode = (
  memoryLimit: BigUint64Array,
  flags: number,
  allocator: null,
  input: Uint8Array,
  inputAt: BigUint64Array,
  inputSize: number,
  output: Uint8Array,
  outputAt: BigUint64Array,
  outputSize: number,
) => number;

/**
 * Decodes one .xz stream with liblzma, which libxenguest itself brings along, all checks included.
 *
 * @param output as long as what has to come out
 * @returns whether that and nothing else came out, and nothing follows the stream
 */
export function decodeXz(input: Uint8Array, output: Uint8Array): boolean {
  decode ??= bind();
  if (decode === "missing") return false;
  const [inputAt, outputAt] = [new BigUint64Array(1), new BigUint64Array(1)];
  const limit = BigUint64Array.of(MEMORY_LIMIT);
  const result = decode(limit, 0, null, input, inputAt, input.length, output, outputAt, output.length);
  return result === OK && inputAt[0] === BigInt(input.length) && outputAt[0] === BigInt(output.length);
}

let decode: Decode | "missing" | undefined;

function bind(): Decode | "missing" {
  try {
    return loadLibrary("liblzma.so.5").func(
      "int lzma_stream_buffer_decode(void *memlimit, uint32_t flags, void *allocator, void *in, void *in_pos, size_t in_size, void *out, void *out_pos, size_t out_size)",
    );
  } catch {
    return "missing";
  }
}
