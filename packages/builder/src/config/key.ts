import { z } from "zod";

/** What people and programs need to know about a key beyond its schema. */
export interface KeyInfo {
  /** How the value is written in xl.cfg. A JSON body takes the JSON type of the same name; a list is an array. */
  readonly type: "string" | "integer" | "boolean" | "list" | "string or list";
  readonly meaning: string;
  /** Completes "it must be ...". */
  readonly allowed: string;
  /** The words that are accepted, where there are only some. */
  readonly values?: readonly string[];
  /** What an absent key without a fixed default means. */
  readonly absent?: string;
}

const keyInfos = z.registry<KeyInfo>();

/** A key, or an option of a device, that describes itself. */
export function key<Schema extends z.ZodType>(schema: Schema, info: KeyInfo): Schema {
  const described = schema.describe(info.meaning);
  keyInfos.add(described, info);
  return described;
}

/** An implemented key as data: for docs, completion and messages. */
export interface DescribedKey extends KeyInfo {
  readonly name: string;
  readonly required: boolean;
  readonly default: string | number | boolean | readonly unknown[] | undefined;
}

/** The keys of a schema's shape, in its order. */
export function describedKeys(shape: Record<string, z.ZodType>): DescribedKey[] {
  return Object.entries(shape).map(([name, schema]) => {
    const info = keyInfos.get(schema);
    if (info === undefined) throw new Error(`the key ${name} has no description`);
    const whenAbsent = schema.safeParse(undefined);
    return { name, ...info, required: !whenAbsent.success, default: defaultOf(whenAbsent.data) };
  });
}

function defaultOf(value: unknown): DescribedKey["default"] {
  if (Array.isArray(value)) return value;
  const plain = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  return plain ? value : undefined;
}

/** What a custom issue carries for the error that is made from it. */
export interface ProblemParams {
  code: "CONFIG_INVALID" | "CONFIG_KEY_UNSUPPORTED";
  allowed: string;
}

export function refuse(
  ctx: z.RefinementCtx,
  path: PropertyKey[],
  message: string,
  params: ProblemParams,
): void {
  ctx.addIssue({ code: "custom", path, message, params: { ...params } });
}

/** Linux's PATH_MAX without the NUL. */
export const MAX_PATH = 4095;

/** A text that can be handed to C and written as UTF-8. */
export function text(min: number, max: number): z.ZodString {
  return z
    .string()
    .min(min)
    .max(max)
    .refine((value) => !value.includes("\0") && value.isWellFormed());
}
