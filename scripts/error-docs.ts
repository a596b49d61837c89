import { errorCodes } from "@pvh/errors";

/** The text of docs/errors.md. */
export function errorDocs(): string {
  const rows = Object.entries(errorCodes).map(
    ([code, { status, title }]) => `| \`${code}\` | ${status} | ${title} |`,
  );
  return `# Error codes

Every error has a stable code. The command line prints \`error CODE: sentence\`; the API answers with an
RFC 9457 problem document (\`application/problem+json\`) whose \`code\` is the code, \`detail\` the sentence, and whose
\`field\`, \`offset\`, \`line\`, \`column\`, \`found\`, \`allowed\` and \`causes\` say what it is about, where they make sense.

Generated from \`packages/errors/src/registry.ts\` by \`npm run generate\`.

| code | HTTP status | meaning |
|--|--|--|
${rows.join("\n")}
`;
}
