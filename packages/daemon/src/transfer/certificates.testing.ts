import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { IdentityFiles } from "./identity.ts";

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** Why there can be no certificates here, or undefined. */
export function missingOpenssl(): string | undefined {
  if (spawnSync("openssl", ["version"]).error === undefined) return undefined;
  return "openssl is not installed: apt-get install openssl";
}

/** For suites that are skipped without; never in CI. */
export function withoutOpenssl(): boolean {
  const missing = missingOpenssl();
  if (missing === undefined) return false;
  if (process.env.CI === "true") throw new Error(missing);
  process.stderr.write(`skipped: tests with certificates. ${missing}\n`);
  return true;
}

/** An authority of its own, in a folder of its own. Needs the program openssl. */
export class TestAuthority implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "pvh-certificates-"));
  readonly #ca = join(this.folder, "ca.crt");
  readonly #key = join(this.folder, "ca.key");

  constructor() {
    const names = ["-subj", "/CN=test authority", "-days", "30"];
    openssl("req", "-x509", ...KEY, "-keyout", this.#key, "-out", this.#ca, ...names);
  }

  /** @param alternatives what it is made out for: `IP:127.0.0.1,DNS:localhost` */
  issue(name: string, alternatives = "IP:127.0.0.1"): IdentityFiles {
    const cert = join(this.folder, `${name}.crt`);
    const key = join(this.folder, `${name}.key`);
    openssl(
      ...["req", "-x509", "-CA", this.#ca, "-CAkey", this.#key, ...KEY, "-keyout", key, "-out", cert],
      ...["-subj", `/CN=${name}`, "-days", "30"],
      ...["-addext", "basicConstraints=critical,CA:FALSE", "-addext", `subjectAltName=${alternatives}`],
    );
    return { cert, key, ca: this.#ca };
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function openssl(...args: string[]): void {
  execFileSync("openssl", args, { stdio: "pipe" });
}
