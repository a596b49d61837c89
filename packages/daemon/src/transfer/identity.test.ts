import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { TestAuthority } from "./certificates.testing.ts";
import { readIdentity } from "./identity.ts";

const authority = new TestAuthority();
const files = authority.issue("host");
const other = authority.issue("other");
const text = join(authority.folder, "text");
writeFileSync(text, "no certificate");
afterAll(() => authority[Symbol.dispose]());

test("three files that fit together", () => {
  expect(readIdentity(files).cert).toMatch(/BEGIN CERTIFICATE/);
});

test.each([
  [{ cert: "/nowhere" }, "--tls-cert: /nowhere does not exist: check the path."],
  [{ ca: authority.folder }, `--tls-ca: ${authority.folder} cannot be read.`],
  [{ cert: text }, `--tls-cert: ${text} must have certificates in PEM.`],
  [{ ca: text }, `--tls-ca: ${text} must have certificates in PEM.`],
  [{ key: text }, `--tls-key: ${text} must have a private key in PEM without a passphrase.`],
  [{ key: files.cert }, `--tls-key: ${files.cert} must have a private key in PEM without a passphrase.`],
  [{ key: other.key }, `--tls-key: ${other.key} is not the key of the certificate ${files.cert}.`],
])("%o is refused", (change, sentence) => {
  expect(() => readIdentity({ ...files, ...change })).toThrow(
    expect.objectContaining({ code: "MIGRATION_TLS", message: sentence }),
  );
});
