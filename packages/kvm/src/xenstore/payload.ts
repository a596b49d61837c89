/** The strings of a request's payload, each ended by a NUL; bytes after the last NUL belong to none. */
export function stringsOf(payload: string): string[] {
  return payload.split("\0").slice(0, -1);
}

/** The payload when it is one string and its NUL. */
export function onlyString(payload: string): string | undefined {
  return payload !== "" && payload.indexOf("\0") === payload.length - 1 ? payload.slice(0, -1) : undefined;
}
