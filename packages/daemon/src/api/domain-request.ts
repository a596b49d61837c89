import { isAbsolute } from "node:path";
import { type GuestConfig, validateGuestConfig } from "@pvh/builder";
import { PvhError, shown } from "@pvh/errors";

export interface CreateRequest {
  config: GuestConfig;
  startPaused: boolean;
}

/** Reads the body of `POST /domains`. The config is judged by the builder, so that the API and xl.cfg say the same. */
export function readCreateRequest(body: unknown): CreateRequest {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new PvhError(
      "REQUEST_INVALID",
      `The body is ${describe(body)}; a JSON object with the guest's config is needed, such as {"name": "g", "type": "pvh", "kernel": "/boot/vmlinux", "memory": 64}.`,
      { field: "body", found: describe(body), allowed: "an object" },
    );
  }
  const { start_paused: startPaused = false, ...fields } = body as Record<string, unknown>;
  if (typeof startPaused !== "boolean") {
    const found = shown(startPaused);
    throw new PvhError("CONFIG_INVALID", `start_paused is ${found}; true or false is right.`, {
      field: "start_paused",
      found,
      allowed: "true or false",
    });
  }
  const config = validateGuestConfig(fields);
  for (const field of ["kernel", "ramdisk"] as const) refuseRelative(field, config[field]);
  config.disk.forEach(({ target }, i) => {
    refuseRelative(`disk[${i}].target`, target);
  });
  return { config, startPaused };
}

/** A path relative to the daemon's working directory is never what the client meant. */
export function refuseRelative(field: string, path: string | undefined): void {
  if (path === undefined || isAbsolute(path)) return;
  throw new PvhError(
    "CONFIG_INVALID",
    `${field} is ${JSON.stringify(path)}, a relative path; pvhd does not know the client's directory, so give a path that begins with "/".`,
    { field, found: path, allowed: "an absolute path" },
  );
}

function describe(body: unknown): string {
  if (body === undefined || body === null) return "empty";
  return Array.isArray(body) ? "an array" : `a ${typeof body}`;
}
