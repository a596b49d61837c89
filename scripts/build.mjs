// Bundles the programs. Libraries are imported as TypeScript sources and need no build.
import { readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const programs = [
  { folder: "apps/cli", entries: { pvhctl: "src/main.ts" } },
  { folder: "packages/daemon", entries: { pvhd: "src/main.ts", "xen-worker": "src/xen/worker/worker.ts" } },
  { folder: "packages/kvm", entries: { vmm: "src/vmm/main.ts", vcpu: "src/vcpu/worker.ts" } },
];

await Promise.all(programs.map(bundle));

async function bundle({ folder, entries }) {
  const { metafile } = await build({
    absWorkingDir: join(root, folder),
    entryPoints: entries,
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
  // Old pieces go only now, so that programs which run meanwhile find theirs for as long as possible.
  for (const name of readdirSync(join(root, folder, "dist"))) {
    if (!(`dist/${name}` in metafile.outputs)) rmSync(join(root, folder, "dist", name));
  }
}
