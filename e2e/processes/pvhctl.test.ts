import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { buildGuests, ramdiskPath } from "../guests/build.ts";
import { withConfig } from "../support/guest-runs.ts";
import { pvhctl, root, withFolder } from "../support/programs.ts";
import { mappedPages, readImage } from "../support/read-image.ts";

/** The command line without running a guest: what it refuses, what it says, what it builds. */

let kernels: Record<string, string>;

beforeAll(async () => {
  kernels = await buildGuests();
});

const kernel = (name: string) => kernels[name] ?? `no guest ${name}`;

describe("what is wrong is said once, with a code, on stderr", () => {
  test.for([
    { args: ["inspect", "README.md"], error: /error KERNEL_FORMAT: .*text file/ },
    {
      args: ["inspect", "no/such/file"],
      error: /error FILE_UNREADABLE: kernel.*no\/such\/file.*does not exist/,
    },
    { args: ["inspect", "packages"], error: /error FILE_UNREADABLE: kernel.*packages/ },
    { args: ["run", "no/such.cfg"], error: /error FILE_UNREADABLE: config.*no\/such.cfg.*does not exist/ },
    { args: ["run", "/dev/null"], error: /error CONFIG_INVALID: .*name/ },
    { args: ["--socket", "no.sock", "list"], error: /error DAEMON_UNREACHABLE: .*npx pvhd --socket no.sock/ },
  ])("$args", async ({ args, error }) => {
    const { status, stdout, stderr } = await pvhctl(args);
    expect(stderr).toMatch(error);
    expect(stderr.match(/error [A-Z_]+:/g)).toHaveLength(1);
    expect(stdout).toBe("");
    expect(status).toBe(1);
  });

  test.for([[], ["no-such-command"], ["list", "--no-such-option"], ["inspect"], ["list", "-o", "xml"]])(
    "usage: %j",
    async (args) => {
      const { status, stdout, stderr } = await pvhctl(args);
      expect(status).toBe(2);
      expect(stdout).toBe("");
      if (args.length > 0) expect(stderr).toMatch(/^pvhctl: error USAGE: /);
    },
  );

  test("a config's mistake is shown where it is", async () => {
    await withFolder("pvhctl", async (folder) => {
      const config = join(folder, "guest.cfg");
      writeFileSync(config, 'name = "g"\ntype = "pvh"\nkernal = "vmlinux"\n');
      const { status, stderr } = await pvhctl(["run", config]);
      expect(status).toBe(1);
      expect(stderr).toContain("error CONFIG_KEY_UNKNOWN");
      expect(stderr).toContain(`${config}, line 3, column 1`);
      expect(stderr).toContain('kernal = "vmlinux"\n');
      expect(stderr).toMatch(/^\s*\^/m);
      expect(stderr).toContain("kernel");
    });
  });
});

describe("build", () => {
  test("writes an image that an independent reader understands", async () => {
    await withConfig(
      { kernel: kernel("classic-entry"), memory: 64, ramdisk: ramdiskPath, cmdline: "a b" },
      async (config, folder) => {
        const out = join(folder, "image");
        const { status, stderr } = await pvhctl(["build", config, "-o", out]);
        expect(status, stderr).toBe(0);
        const { memory, startInfo, registers } = readImage(out);

        const pages = mappedPages(memory, registers.cr3);
        const first = Math.min(...pages.keys());
        expect([...pages].every(([page, gfn]) => gfn === page - first)).toBe(true);
        const slack = 512 * 1024;
        expect(pages.size * 4096).toBeGreaterThanOrEqual(Number(registers.rsp - startInfo.virtBase) + slack);

        expect(startInfo.magic).toBe("xen-3.0-x86_64");
        expect(startInfo.nrPages).toBe(64 * 256);
        expect(startInfo.commandLine).toBe("a b");
        expect(Number(startInfo.ptBase - startInfo.virtBase)).toBe(registers.cr3);
        const ramdisk = readFileSync(ramdiskPath);
        const at = Number(startInfo.modStart - startInfo.virtBase);
        expect(memory.subarray(at, at + ramdisk.length).equals(ramdisk)).toBe(true);
        expect(registers).toMatchObject({ cr0: 0x80000011, cr4: 0x20, efer: 0x500, rflags: 2 });
      },
    );
  });

  test("replaces neither what it reads nor what is no file, and follows links", async () => {
    const copy = readFileSync(kernel("direct-entry"));
    await withConfig({ kernel: "kernel.elf", memory: 16 }, async (config, folder) => {
      const input = join(folder, "kernel.elf");
      writeFileSync(input, copy);
      mkdirSync(join(folder, "directory"));
      for (const out of [input, config, join(folder, "directory"), join(folder, "absent/image")]) {
        const { status, stderr } = await pvhctl(["build", config, "-o", out]);
        expect(stderr).toMatch(/error FILE_UNWRITABLE: out: .*(choose another|make it)/);
        expect(status).toBe(1);
      }
      expect(readFileSync(input).equals(copy)).toBe(true);
      writeFileSync(join(folder, "target"), "");
      symlinkSync("target", join(folder, "link"));
      expect((await pvhctl(["build", config, "-o", join(folder, "link")])).status).toBe(0);
      expect(lstatSync(join(folder, "link")).isSymbolicLink()).toBe(true);
      expect(statSync(join(folder, "target")).size).toBeGreaterThan(4096);
    });
  });

  test("leaves nothing when it fails", async () => {
    await withConfig({ kernel: kernel("classic-entry"), memory: 1 }, async (config, folder) => {
      const { status, stderr } = await pvhctl(["build", config, "-o", join(folder, "image")]);
      expect(stderr).toContain("error LAYOUT_MEMORY");
      expect(status).toBe(1);
      expect(readdirSync(folder)).toEqual(["guest.cfg"]);
    });
  });

  test("replaces an older image only when the new one is whole", async () => {
    await withConfig({ kernel: kernel("direct-entry"), memory: 16 }, async (config, folder) => {
      const out = join(folder, "image");
      writeFileSync(out, "older");
      expect((await pvhctl(["build", config, "memory=0", "-o", out])).status).toBe(1);
      expect(readFileSync(out, "utf8")).toBe("older");
      expect((await pvhctl(["build", config, "-o", out])).status).toBe(0);
      expect(statSync(out).size).toBeGreaterThan(4096);
      expect(existsSync(`${out}.json`)).toBe(true);
    });
  });

  test.each(["image", "image.json"])("does not put a file in the place of a pipe %s", async (name) => {
    await withConfig({ kernel: kernel("direct-entry"), memory: 16 }, async (config, folder) => {
      const pipe = join(folder, name);
      execFileSync("mkfifo", [pipe]);
      const { status, stderr } = await pvhctl(["build", config, "-o", join(folder, "image")]);
      expect(stderr).toContain("error FILE_UNWRITABLE");
      expect(status).toBe(1);
      expect(statSync(pipe).isFIFO()).toBe(true);
    });
  });
});

test("every command has help", async () => {
  const help = (await pvhctl(["--help"])).stdout;
  const documented = readFileSync(join(root, "docs/pvhctl.md"), "utf8");
  const commands = [...help.matchAll(/^ {2}(\w+) /gm)].map((match) => match[1] ?? "");
  expect(commands.length).toBeGreaterThan(10);
  for (const command of commands.filter((name) => name !== "help"))
    expect(documented).toContain(`\`${command}`);
});
