// Bundles the programs. Libraries are imported as TypeScript sources and need no build.
import { readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Each has a bundle of its own: a thread that shared one with its program would load all of that, which takes longer than its work. */
const programs = [
  { folder: "apps/cli", entries: { pvhctl: "src/main.ts" } },
  { folder: "packages/daemon", entries: { pvhd: "src/main.ts", "xen-worker": "src/xen/worker/worker.ts" } },
  { folder: "packages/kvm", entries: { vmm: "src/vmm/main.ts", vcpu: "src/vcpu/worker.ts" } },
];

await Promise.all(
  programs.map(async ({ folder, entries }) => {
    const outputs = await Promise.all(
      Object.entries(entries).map(([name, source]) => bundle(folder, name, source)),
    );
    removeOthers(folder, new Set(outputs.flat()));
  }),
);

/** @returns what it has written, relative to the folder */
async function bundle(folder, name, source) {
  const { metafile } = await build({
    absWorkingDir: join(root, folder),
    entryPoints: { [name]: source },
    outdir: "dist",
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    sourcemap: "linked",
    metafile: true,
    logLevel: "warning",
    // Native addons, and what serves static files from its own folder.
    external: ["koffi", "better-sqlite3", "@fastify/swagger-ui"],
    banner: {
      // CommonJS dependencies inside an ES module bundle still call require().
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
  });
  return Object.keys(metafile.outputs);
}

/** Old pieces go only when all new ones are there, so that programs which run meanwhile find theirs for as long as possible. */
function removeOthers(folder, outputs) {
  for (const name of readdirSync(join(root, folder, "dist"))) {
    if (!outputs.has(`dist/${name}`)) rmSync(join(root, folder, "dist", name));
  }
}
