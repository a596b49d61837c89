import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { PvhError } from "@pvh/errors";

/** Files by which this host and others prove who they are, in PEM. */
export interface IdentityFiles {
  /** This host's certificate, and those between it and the authority. */
  cert: string;
  key: string;
  /** The authority, or several, that has signed the certificates of all hosts. */
  ca: string;
}

/** What is in them. */
export interface Identity {
  cert: string;
  key: string;
  ca: string;
}

/** @throws PvhError MIGRATION_TLS */
export function readIdentity(files: IdentityFiles): Identity {
  const cert = contents("--tls-cert", files.cert);
  const key = contents("--tls-key", files.key);
  const ca = contents("--tls-ca", files.ca);
  const certificates = parsed("--tls-cert", files.cert, CERTIFICATES, () => certificatesOf(cert));
  parsed("--tls-ca", files.ca, CERTIFICATES, () => certificatesOf(ca));
  const privateKey = parsed("--tls-key", files.key, "a private key in PEM without a passphrase", () =>
    createPrivateKey(key),
  );
  if (certificates[0]?.checkPrivateKey(privateKey) !== true) {
    throw unusable("--tls-key", files.key, `is not the key of the certificate ${files.cert}`, {
      allowed: "the key of that certificate",
    });
  }
  return { cert, key, ca };
}

const CERTIFICATES = "certificates in PEM";
const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function certificatesOf(pem: string): X509Certificate[] {
  const found = (pem.match(BLOCK) ?? []).map((block) => new X509Certificate(block));
  if (found.length === 0) throw new Error("It has no certificate.");
  return found;
}

function contents(option: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    const why = code === "ENOENT" ? "does not exist: check the path" : "cannot be read";
    throw unusable(option, path, why, { cause });
  }
}

function parsed<T>(option: string, path: string, allowed: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw unusable(option, path, `must have ${allowed}`, { allowed, cause });
  }
}

function unusable(
  option: string,
  path: string,
  why: string,
  more: { allowed?: string; cause?: unknown },
): PvhError {
  return new PvhError("MIGRATION_TLS", `${option}: ${path} ${why}.`, { field: option, found: path, ...more });
}
