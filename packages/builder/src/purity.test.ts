import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import { elf64Header, elf64ProgramHeader, elfNoteHeader } from "@pvh/abi";
import { build } from "esbuild";
import { expect, test } from "vitest";

/** What a guest config and a kernel become, told by a bundle that has only what every browser has. */
const script = `
  const config = builder.parseGuestConfig(input.config);
  const kernel = builder.inspectKernel(builder.unpackKernel(Uint8Array.from(input.kernel)));
  const bootInterface = builder.chooseBootInterface(config, kernel);
  const platform = builder.choosePlatform(config, kernel, bootInterface, { trapsVmcall: false });
  const ramdisk = builder.unpackRamdisk(Uint8Array.from([1, 2, 3]));
  const image = builder.planDomain({ config, kernel, ramdisk, platform, hypercallTrap: { kind: "vmcall" } });
  JSON.stringify({
    bootInterface,
    platform,
    report: builder.kernelReport(kernel),
    description: builder.imageToJson(image),
    text: builder.describeImage(image),
    written: Array.from(builder.segments(image), ({ gpa, bytes }) => [gpa, bytes.length]),
  });
`;

test("the builder bundles for a browser and plans a domain there, without anything of Node", async () => {
  const bundle = await build({
    entryPoints: [fileURLToPath(new URL("./index.ts", import.meta.url))],
    bundle: true,
    write: false,
    platform: "browser",
    format: "iife",
    globalName: "builder",
    logLevel: "silent",
  });
  const context = createContext({
    TextEncoder,
    TextDecoder,
    input: {
      config: 'type = "pvh"\nname = "g"\nkernel = "k"\nmemory = 64\nextra = "quiet"\n',
      kernel: Array.from(directKernel()),
    },
  });
  runInContext(bundle.outputFiles[0]?.text ?? "", context);
  const result = JSON.parse(runInContext(script, context));
  expect(result).toMatchObject({ bootInterface: "direct", platform: "bare" });
  expect(result.report.abis.direct).toMatchObject({ supported: true, entry: "0x100000" });
  expect(result.description.vcpu.registers.rip).toBe("0x100000");
  expect(result.text).toContain("direct PVH on platform bare, memory 64.0 MiB");
  expect(result.written).toContainEqual([0x100000, 16]);
});

/** The least that is a direct kernel: one segment of 16 bytes, and PHYS32_ENTRY. */
function directKernel(): Uint8Array {
  const file = new Uint8Array(256);
  elf64Header.writeTo(file, 0, {
    e_ident: Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1),
    e_type: 2,
    e_machine: 62,
    e_version: 1,
    e_phoff: 64,
    e_ehsize: 64,
    e_phentsize: 56,
    e_phnum: 2,
  });
  const place = { p_paddr: 0x100000, p_filesz: 16, p_memsz: 4096, p_flags: 7 };
  elf64ProgramHeader.writeTo(file, 64, { p_type: 1, p_offset: 192, ...place });
  elf64ProgramHeader.writeTo(file, 120, { p_type: 4, p_offset: 208, p_filesz: 20, p_memsz: 20 });
  elfNoteHeader.writeTo(file, 208, { n_namesz: 4, n_descsz: 4, n_type: 18 });
  file.set([0x58, 0x65, 0x6e, 0, 0, 0, 0x10, 0], 220);
  return file;
}
