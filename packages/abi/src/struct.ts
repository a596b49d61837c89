/**
 * Struct codecs: every field is declared with its offset, and the total size is asserted when the module loads, so
 * that a wrong table can not be imported.
 *
 * Integers of 64 bits decode to `bigint` and accept `number` or `bigint`; smaller ones are `number`.
 * All structures of the x86 ABI are little endian.
 */

export interface Field<Decoded, Encodable = Decoded> {
  /** Bytes from the start of the structure. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  read(view: DataView, at: number): Decoded;
  write(view: DataView, at: number, value: Encodable): void;
}

// biome-ignore lint/suspicious/noExplicitAny: a table of fields is invariant in both types; any is the only common bound.
type AnyField = Field<any, any>;
type Decoded<F> = F extends Field<infer D, infer _E> ? D : never;
type Encodable<F> = F extends Field<infer _D, infer E> ? E : never;

export interface Struct<F extends Record<string, AnyField>> {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly fields: F;
  /** A zeroed structure with the given fields set. */
  encode(values: { [K in keyof F]?: Encodable<F[K]> }): Uint8Array<ArrayBuffer>;
  /** Writes the given fields at `at`; bytes of other fields stay as they are. */
  writeTo(target: Uint8Array, at: number, values: { [K in keyof F]?: Encodable<F[K]> }): void;
  decode(source: Uint8Array, at?: number): { [K in keyof F]: Decoded<F[K]> };
}

/**
 * Declares a structure of exactly `size` bytes.
 *
 * @throws RangeError when fields overlap, or end beyond `size`.
 */
export function struct<const F extends Record<string, AnyField>>(
  name: string,
  size: number,
  fields: F,
): Struct<F> {
  let end = 0;
  let previous = "start";
  for (const [key, field] of Object.entries(fields).sort(([, a], [, b]) => a.offset - b.offset)) {
    if (field.offset < end) {
      throw new RangeError(`${name}.${key} at ${field.offset} overlaps ${previous}, which ends at ${end}`);
    }
    end = field.offset + field.size;
    previous = key;
  }
  if (end > size) throw new RangeError(`${name}.${previous} ends at ${end}, beyond the size ${size}`);

  const entries = Object.entries(fields);
  const view = (bytes: Uint8Array, at: number) => {
    if (at < 0 || at + size > bytes.length) {
      throw new RangeError(`${name} (${size} bytes) at ${at} does not fit in ${bytes.length} bytes`);
    }
    return new DataView(bytes.buffer, bytes.byteOffset + at, size);
  };
  const writeTo = (target: Uint8Array, at: number, values: Record<string, unknown>) => {
    const into = view(target, at);
    for (const [key, value] of Object.entries(values)) {
      const field = fields[key];
      if (field === undefined) throw new RangeError(`${name} has no field ${key}`);
      if (value !== undefined) field.write(into, field.offset, value);
    }
  };
  return {
    name,
    size,
    fields,
    writeTo,
    encode(values) {
      const bytes = new Uint8Array(size);
      writeTo(bytes, 0, values);
      return bytes;
    },
    decode(source, at = 0) {
      const from = view(source, at);
      const values: Record<string, unknown> = {};
      for (const [key, field] of entries) values[key] = field.read(from, field.offset);
      return values as { [K in keyof F]: Decoded<F[K]> };
    },
  };
}

export const u8 = (offset: number): Field<number> => ({
  offset,
  size: 1,
  read: (view, at) => view.getUint8(at),
  write: (view, at, value) => view.setUint8(at, value),
});

export const s8 = (offset: number): Field<number> => ({
  offset,
  size: 1,
  read: (view, at) => view.getInt8(at),
  write: (view, at, value) => view.setInt8(at, value),
});

export const u16 = (offset: number): Field<number> => ({
  offset,
  size: 2,
  read: (view, at) => view.getUint16(at, true),
  write: (view, at, value) => view.setUint16(at, value, true),
});

export const s16 = (offset: number): Field<number> => ({
  offset,
  size: 2,
  read: (view, at) => view.getInt16(at, true),
  write: (view, at, value) => view.setInt16(at, value, true),
});

export const u32 = (offset: number): Field<number> => ({
  offset,
  size: 4,
  read: (view, at) => view.getUint32(at, true),
  write: (view, at, value) => view.setUint32(at, value, true),
});

export const u64 = (offset: number): Field<bigint, number | bigint> => ({
  offset,
  size: 8,
  read: (view, at) => view.getBigUint64(at, true),
  write: (view, at, value) => view.setBigUint64(at, BigInt(value), true),
});

/** `length` raw bytes; a shorter value leaves the rest as it is. */
export const bytes = (offset: number, length: number): Field<Uint8Array, Uint8Array> => ({
  offset,
  size: length,
  read: (view, at) => new Uint8Array(view.buffer, view.byteOffset + at, length).slice(),
  write: (view, at, value) => {
    if (value.length > length) throw new RangeError(`${value.length} bytes do not fit in ${length}`);
    new Uint8Array(view.buffer, view.byteOffset + at, length).set(value);
  },
});

/** A string in a fixed array, NUL padded; the last byte is always NUL. */
export const cstring = (offset: number, length: number): Field<string> => ({
  offset,
  size: length,
  read: (view, at) => {
    const raw = new Uint8Array(view.buffer, view.byteOffset + at, length);
    const end = raw.indexOf(0);
    return new TextDecoder().decode(raw.slice(0, end < 0 ? length : end));
  },
  write: (view, at, value) => {
    const encoded = new TextEncoder().encode(value);
    if (encoded.length >= length)
      throw new RangeError(`${encoded.length} bytes and a NUL do not fit in ${length}`);
    const raw = new Uint8Array(view.buffer, view.byteOffset + at, length);
    raw.fill(0);
    raw.set(encoded);
  },
});

/** `count` values of one field kind, `stride` bytes apart. */
export const array = <D, E>(
  offset: number,
  count: number,
  stride: number,
  element: (offset: number) => Field<D, E>,
): Field<D[], readonly E[]> => {
  const one = element(0);
  return {
    offset,
    size: count * stride,
    read: (view, at) => Array.from({ length: count }, (_, i) => one.read(view, at + i * stride)),
    write: (view, at, values) => {
      if (values.length > count) throw new RangeError(`${values.length} values do not fit in ${count}`);
      values.forEach((value, i) => {
        one.write(view, at + i * stride, value);
      });
    },
  };
};

/** A structure inside another one. */
export const nested = <F extends Record<string, AnyField>>(
  offset: number,
  inner: Struct<F>,
): Field<{ [K in keyof F]: Decoded<F[K]> }, { [K in keyof F]?: Encodable<F[K]> }> => ({
  offset,
  size: inner.size,
  read: (view, at) => inner.decode(new Uint8Array(view.buffer, view.byteOffset + at, inner.size)),
  write: (view, at, value) =>
    inner.writeTo(new Uint8Array(view.buffer, view.byteOffset + at, inner.size), 0, value),
});
