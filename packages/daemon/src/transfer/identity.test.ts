import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestAuthority, withoutOpenssl } from "./certificates.testing.ts";
import { type IdentityFiles, readIdentity } from "./identity.ts";

describe.skipIf(withoutOpenssl())("certificates and keys", () => {
  let authority: TestAuthority;
  let folder: string;
  let files: IdentityFiles;
  let other: IdentityFiles;
  let text: string;
  beforeAll(() => {
    authority = new TestAuthority();
    folder = authority.folder;
    files = authority.issue("host");
    other = authority.issue("other");
    text = join(folder, "text");
    writeFileSync(text, "no certificate");
  });
  afterAll(() => authority[Symbol.dispose]());

  test("three files that fit together", () => {
    expect(readIdentity(files).cert).toMatch(/BEGIN CERTIFICATE/);
  });

  test("what does not fit is refused by its name", () => {
    const noKey = "must have a private key in PEM without a passphrase.";
    for (const [change, sentence] of [
      [{ cert: "/nowhere" }, "--tls-cert: /nowhere does not exist: check the path."],
      [{ ca: folder }, `--tls-ca: ${folder} cannot be read.`],
      [{ cert: text }, `--tls-cert: ${text} must have certificates in PEM.`],
      [{ ca: text }, `--tls-ca: ${text} must have certificates in PEM.`],
      [{ key: text }, `--tls-key: ${text} ${noKey}`],
      [{ key: files.cert }, `--tls-key: ${files.cert} ${noKey}`],
      [{ key: other.key }, `--tls-key: ${other.key} is not the key of the certificate ${files.cert}.`],
    ] as const) {
      expect(() => readIdentity({ ...files, ...change })).toThrow(
        expect.objectContaining({ code: "MIGRATION_TLS", message: sentence }),
      );
    }
  });
});
