/**
 * Suites inside emulated hosts: those of e2e/suites, which need /dev/kvm, on KVM hosts (npm run e2e:machine), and those of
 * e2e/xen/suites, which need a Xen host's control domain, on a Xen host (part of npm run e2e:xen).
 *
 *     node e2e/hosts/emulated-suites.ts kvm|xen REPORT [PART-OF-A-NAME...]
 *
 * REPORT becomes a report as vitest's JSON reporter writes it, for scripts/test.mjs. Every suite stands in it once.
 */
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, dirname, join } from "node:path";
import { build } from "esbuild";
import type { JsonTestResult, JsonTestResults } from "vitest/node";
import { buildGuests } from "../guests/build.ts";
import { root } from "../support/programs.ts";
import type { EmulatedHost } from "./emulated-host.ts";
import type { HostOptions } from "./host-description.ts";
import { missingForKvmHost, startKvmHost } from "./kvm-host.ts";
import {
  afterFailure,
  type Batch,
  batches,
  hasFailed,
  lostResult,
  report,
  resultsOf,
  type SuiteFile,
} from "./suite-batches.ts";
import { missingForXenHost, startXenHost } from "./xen-host.ts";

interface Kind {
  /** Where the suites are. */
  folder: string;
  missing(): Promise<string | undefined>;
  start(options: HostOptions): Promise<EmulatedHost>;
  options: HostOptions;
  /** How many of them share the work. */
  hosts: number;
}

/** One virtual CPU each: two such hosts get more done than one with two, and their emulation corrupts less. */
const kinds: Record<"kvm" | "xen", Kind> = {
  kvm: {
    folder: "e2e/suites",
    missing: missingForKvmHost,
    start: startKvmHost,
    options: { cpus: 1, memory: 5120 },
    hosts: Math.min(2, availableParallelism()),
  },
  // One, because it is larger and there are few suites.
  xen: {
    folder: "e2e/xen/suites",
    missing: missingForXenHost,
    start: startXenHost,
    options: { cpus: 1 },
    hosts: 1,
  },
};

const batchTimeoutMs = 40 * 60_000;
const reportPath = "/run/report.json";

const [kindName, reportFile, ...wanted] = process.argv.slice(2);
if ((kindName !== "kvm" && kindName !== "xen") || reportFile === undefined) {
  throw new Error("usage: node e2e/hosts/emulated-suites.ts kvm|xen REPORT [NAME...]");
}
const kind = kinds[kindName];

const missing = await kind.missing();
if (missing !== undefined) {
  console.error(`The emulated host is not there: ${missing}`);
  process.exit(1);
}
// A default action would leave the hosts running.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));
await buildGuests();
await bundleLibraries();

const files = await suiteFiles();
const queue = batches(files, kind.hosts);
const results = new Map<string, JsonTestResult>();
const repeated: string[] = [];

const workers = Array.from({ length: Math.min(kind.hosts, queue.length) }, (_, index) =>
  work(kind.hosts === 1 ? `${kindName} host` : `host ${index + 1}`),
);
for (const outcome of await Promise.allSettled(workers)) {
  if (outcome.status === "rejected") console.error(outcome.reason);
}

const everything = files.map(({ path }) => results.get(path) ?? lostResult(path, "No host ran it."));
await mkdir(dirname(reportFile), { recursive: true });
await writeFile(reportFile, JSON.stringify(report(everything)));
for (const { name, message, assertionResults } of everything.filter(hasFailed)) {
  const hosts = repeated.includes(name) ? "two hosts" : "one host";
  console.log(`failed on ${hosts}: ${basename(name)}: ${message}`);
  for (const { status, fullName } of assertionResults)
    if (status === "failed") console.log(`    ${fullName}`);
}
for (const path of repeated) console.log(`repeated on a new host after a failure: ${basename(path)}`);
process.exitCode = everything.some(hasFailed) ? 1 : 0;

/** Takes batches until there are none. A batch that fails costs its host: what it broke must not break the next. */
async function work(name: string): Promise<void> {
  let host: EmulatedHost | undefined;
  try {
    for (let batch = queue.shift(); batch !== undefined; batch = queue.shift()) {
      host ??= await boot(name);
      const outcome = await runBatch(host, name, batch);
      for (const result of outcome) {
        const first = results.get(result.name);
        results.set(result.name, first === undefined ? result : afterFailure(first, result));
      }
      const failed = outcome.filter(hasFailed).map((result) => result.name);
      if (failed.length === 0) continue;
      await host.stop();
      host = undefined;
      if (!batch.repeated && worthRepeating()) {
        for (const path of failed)
          console.log(`[${name}] failed, to be repeated on a new host: ${basename(path)}`);
        repeated.push(...failed);
        queue.push({ files: failed, repeated: true });
      }
    }
  } finally {
    await host?.stop();
  }
}

/** A few failures may be the emulation's; many are ours, and would only take twice the time. */
function worthRepeating(): boolean {
  return [...results.values()].filter(hasFailed).length <= Math.max(4, files.length / 3);
}

async function boot(name: string): Promise<EmulatedHost> {
  const options = { ...kind.options, name };
  try {
    return await kind.start(options);
  } catch (error) {
    console.error(`[${name}] did not come up, once more: ${error}`);
    return await kind.start(options);
  }
}

async function runBatch(
  host: EmulatedHost,
  name: string,
  { files, repeated }: Batch,
): Promise<JsonTestResult[]> {
  const names = files.map((path) => basename(path));
  console.log(`[${name}] ${repeated ? "again" : "runs"}: ${names.join(", ")}`);
  const command = [
    `rm -f ${reportPath}; CI=true exec node node_modules/vitest/vitest.mjs run`,
    "--config e2e/hosts/emulated.vitest.config.ts",
    `--reporter=verbose --reporter=json --outputFile.json=${reportPath}`,
    ...files.map((path) => `'${path}'`),
  ];
  const lines = prefixed(name);
  try {
    const { status } = await host.run(command.join(" "), { timeoutMs: batchTimeoutMs, live: lines });
    const { stdout } = await host.run(`[ ! -s ${reportPath} ] || cat ${reportPath}`);
    if (stdout === "") {
      return files.map((path) => lostResult(path, `The test runner left no report, and status ${status}.`));
    }
    const { testResults }: JsonTestResults = JSON.parse(stdout);
    const found = resultsOf(files, testResults);
    if (status === 0 || found.some(hasFailed)) return found;
    return files.map((path) => lostResult(path, `The test runner ended with status ${status}.`));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    console.log(`[${name}] ${message}`);
    return files.map((path) => lostResult(path, message));
  } finally {
    lines("\n");
  }
}

/** Whole lines of two hosts, told apart. */
function prefixed(name: string): (text: string) => void {
  let rest = "";
  return (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") console.log(`[${name}] ${line}`);
  };
}

async function suiteFiles(): Promise<SuiteFile[]> {
  const folder = join(root, kind.folder);
  const names = (await readdir(folder)).filter((name) => name.endsWith(".test.ts"));
  const chosen = names.filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
  if (chosen.length === 0) throw new Error(`No suite in ${folder} has a name with ${wanted.join(" or ")}.`);
  return Promise.all(
    chosen.map(async (name) => ({ path: join(folder, name), weight: (await stat(join(folder, name))).size })),
  );
}

/** Reading a hundred TypeScript files, in each VMM again, takes longer there than what they do. */
async function bundleLibraries(): Promise<void> {
  const packages = ["abi", "builder", "client", "errors", "kvm"];
  await build({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(packages.map((name) => [name, `packages/${name}/src/index.ts`])),
    outdir: "e2e/node_modules/.cache/pvh",
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    logLevel: "warning",
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
  });
}
