import { globSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Who may import whom: the arrows of ARCHITECTURE.md. */
const arrows: Record<string, string[]> = {
  "packages/errors": [],
  "packages/abi": ["@pvh/errors"],
  "packages/builder": ["@pvh/abi", "@pvh/errors"],
  "packages/kvm": ["@pvh/builder", "@pvh/abi", "@pvh/errors"],
  "packages/xenctl-ffi": ["@pvh/abi", "@pvh/errors"],
  "packages/daemon": ["@pvh/builder", "@pvh/kvm", "@pvh/xenctl-ffi", "@pvh/abi", "@pvh/errors"],
  "packages/client": ["@pvh/errors"],
  "apps/cli": ["@pvh/client", "@pvh/builder", "@pvh/kvm", "@pvh/errors"],
};

/** Packages that must run in a browser. */
const pure = ["packages/errors", "packages/abi", "packages/builder"];

interface Import {
  file: string;
  specifier: string;
}

function importsOf(folder: string, withTests: boolean): Import[] {
  return globSync(`${folder}/src/**/*.ts`, { cwd: root })
    .filter((file) => withTests || !/\.(test|testing|suite)\.ts$/.test(file))
    .flatMap((file) => {
      const text = readFileSync(join(root, file), "utf8");
      const specifiers = text.matchAll(
        /(?:\bfrom|\bimport\s*\(?)\s*["']([^"']+)["']|import\.meta\.resolve\(\s*["']([^"']+)["']/g,
      );
      return [...specifiers].map((match) => ({ file, specifier: match[1] ?? match[2] ?? "" }));
    });
}

test("every package is in the table", () => {
  const manifests = globSync(["packages/*/package.json", "apps/*/package.json"], { cwd: root });
  expect(manifests.map((file) => dirname(file)).sort()).toEqual(Object.keys(arrows).sort());
});

describe.each(Object.keys(arrows))("%s", (folder) => {
  const imports = importsOf(folder, true);

  test("imports something to check", () => {
    expect(imports.length).toBeGreaterThan(0);
  });

  test("imports only the packages that its arrows allow", () => {
    const own = `@pvh/${folder.split("/").at(-1)}`;
    const allowed = new Set([...(arrows[folder] ?? []), own]);
    const wrong = importsOf(folder, false).filter(
      ({ specifier }) =>
        specifier.startsWith("@pvh/") && !allowed.has(specifier.split("/").slice(0, 2).join("/")),
    );
    expect(wrong).toEqual([]);
  });

  test("reaches into no other package's folder", () => {
    const wrong = imports.filter(({ file, specifier }) => {
      if (/^@pvh\/[^/]+\/src/.test(specifier)) return true;
      if (!specifier.startsWith(".")) return false;
      return relative(folder, join(dirname(file), specifier)).startsWith("..");
    });
    expect(wrong).toEqual([]);
  });

  test("declares what it imports", () => {
    const manifest = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
    const declared = new Set(Object.keys(manifest.dependencies ?? {}));
    const wrong = importsOf(folder, false).filter(({ specifier }) => {
      if (specifier.startsWith(".") || specifier.startsWith("node:")) return false;
      const name = specifier
        .split("/")
        .slice(0, specifier.startsWith("@") ? 2 : 1)
        .join("/");
      return !declared.has(name) && name !== manifest.name;
    });
    expect(wrong).toEqual([]);
  });
});

test("what is outside of the packages reaches into none of them", () => {
  const files = globSync(["e2e/**/*.ts", "scripts/**/*.ts"], { cwd: root, exclude: ["**/node_modules"] });
  const wrong = files.flatMap((file) =>
    [...readFileSync(join(root, file), "utf8").matchAll(/\bfrom\s*["']([^"']*\bpackages\/[^"']*)["']/g)].map(
      ([, specifier]) => ({ file, specifier }),
    ),
  );
  expect(files.length).toBeGreaterThan(50);
  expect(wrong).toEqual([]);
});

test.each(pure)("%s uses no Node built-in", (folder) => {
  const wrong = importsOf(folder, false).filter(
    ({ specifier }) => specifier.startsWith("node:") || builtinModules.includes(specifier),
  );
  expect(wrong).toEqual([]);
});

/** What runs when `entry` of a package is imported: its own files and the packages they name. Types do not. */
function reached(entry: string, folder = "packages/kvm"): string[] {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = readFileSync(join(root, folder, "src", file), "utf8");
    for (const [, specifier = ""] of text.matchAll(/^(?:import|export) (?!type\b)[^;]*?from "([^"]+)";$/gm)) {
      if (specifier.startsWith(".")) visit(join(dirname(file), specifier));
      else seen.add(specifier);
    }
  };
  visit(entry);
  return [...seen];
}

test("koffi is loaded by the VMM and by the threads that call Xen, and not by whoever imports their packages", () => {
  expect(reached("vmm/main.ts")).toContain("koffi");
  expect(reached("index.ts")).toContain("@pvh/builder");
  expect(reached("index.ts")).not.toContain("koffi");
  expect(reached("native/index.ts", "packages/xenctl-ffi")).toContain("koffi");
  expect(reached("index.ts", "packages/xenctl-ffi")).toContain("@pvh/abi");
  expect(reached("index.ts", "packages/xenctl-ffi")).not.toContain("koffi");
  const daemon = reached("index.ts", "packages/daemon");
  expect(daemon).toContain("@pvh/xenctl-ffi");
  expect(daemon).not.toContain("@pvh/xenctl-ffi/native");
  const elsewhere = Object.keys(arrows)
    .filter((folder) => folder !== "packages/kvm" && folder !== "packages/xenctl-ffi")
    .flatMap((folder) => importsOf(folder, false))
    .filter(({ specifier }) => specifier === "koffi");
  expect(elsewhere).toEqual([]);
});

test("the thread of a vCPU loads neither schemas nor the builder, which would cost each one memory and time", () => {
  const loaded = reached("vcpu/worker.ts");
  expect(loaded).toContain("vcpu/thread.ts");
  expect(loaded.filter((name) => name === "@pvh/builder" || name === "zod")).toEqual([]);
});
