import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  coreHeaderNote,
  coreVersionNote,
  domainInfo,
  elf64Header,
  elf64SectionHeader,
  vcpuGuestContext,
} from "@pvh/abi";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type DumpedHost, dumpCore } from "./dump-core.ts";

const PAGE = 4096;
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pvhd-dump-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A domain with two vCPUs, of which one was started, and memory at some frames, each filled with its number's low byte. */
function host(frames: readonly number[]): DumpedHost {
  const there = new Set(frames);
  return {
    control: {
      domain: () => domainInfo.decode(domainInfo.encode({ max_vcpu_id: 1 })),
      maximumGfn: () => Math.max(...frames),
      presentFrames: (_domid, first, count) => Array.from({ length: count }, (_, i) => there.has(first + i)),
      vcpuContext: (_domid, vcpu) =>
        vcpu === 0 ? vcpuGuestContext.encode({ user_regs: { rip: 0x1234n } }) : undefined,
      versionNote: () => coreVersionNote.encode({ major_version: 4, minor_version: 17 }),
    },
    memory: {
      read: (_domid, gpa, size) => {
        const bytes = new Uint8Array(size);
        for (let at = 0; at < size; at += PAGE) bytes.fill((gpa + at) / PAGE, at, at + PAGE);
        return bytes;
      },
    },
  };
}

/** The sections of an ELF file by their names. */
function sectionsOf(file: Buffer): Map<string, Buffer> {
  const { e_shoff, e_shnum, e_shstrndx } = elf64Header.decode(file);
  const headers = Array.from({ length: e_shnum }, (_, i) =>
    elf64SectionHeader.decode(file, Number(e_shoff) + i * elf64SectionHeader.size),
  );
  const bytes = ({ sh_offset, sh_size }: { sh_offset: bigint; sh_size: bigint }) =>
    file.subarray(Number(sh_offset), Number(sh_offset + sh_size));
  const [names] = headers.slice(e_shstrndx).map(bytes);
  return new Map(
    headers.map((header) => {
      const name = names?.subarray(header.sh_name) ?? Buffer.alloc(1);
      return [name.toString("latin1", 0, name.indexOf(0)), bytes(header)];
    }),
  );
}

test("a core has the pages that there are, their numbers, and the vCPUs that were started", () => {
  const file = join(dir, "core");
  // More than a question and a chunk in a row, and some far away.
  const frames = [0, 1, ...Array.from({ length: 3000 }, (_, i) => 1000 + i), 0xfeff8, 0xfeff9, 0x100000];
  dumpCore(host(frames), 7, file);
  const core = readFileSync(file);
  const sections = sectionsOf(core);
  expect([...sections.keys()]).toEqual([
    "",
    ".shstrtab",
    ".note.Xen",
    ".xen_prstatus",
    ".xen_pages",
    ".xen_pfn",
  ]);
  const numbers = sections.get(".xen_pfn") ?? Buffer.alloc(0);
  expect(frames.map((_, i) => Number(numbers.readBigUInt64LE(i * 8)))).toEqual(frames);
  const pages = sections.get(".xen_pages") ?? Buffer.alloc(0);
  expect(pages.length).toBe(frames.length * PAGE);
  expect(frames.every((frame, i) => pages[i * PAGE + 5] === (frame & 0xff))).toBe(true);
  expect(pages.byteOffset % PAGE).toBe(core.byteOffset % PAGE);
  const vcpus = sections.get(".xen_prstatus") ?? Buffer.alloc(0);
  expect(vcpus.length).toBe(vcpuGuestContext.size);
  expect(vcpuGuestContext.decode(vcpus).user_regs.rip).toBe(0x1234n);
  const notes = sections.get(".note.Xen") ?? Buffer.alloc(0);
  // Behind the empty note: a header of 12 bytes and the name.
  expect(coreHeaderNote.decode(notes, 32)).toEqual({
    xch_magic: 0xf00febeen,
    xch_nr_vcpus: 1n,
    xch_nr_pages: BigInt(frames.length),
    xch_page_size: 4096n,
  });
  expect(coreVersionNote.decode(notes, 32 + 32 + 16)).toMatchObject({
    major_version: 4n,
    minor_version: 17n,
  });
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("binutils read it", (context) => {
  const file = join(dir, "core");
  dumpCore(host([0, 5]), 7, file);
  let text: string;
  try {
    text = execFileSync("readelf", ["-hSW", file], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch {
    context.skip("install binutils");
    return;
  }
  expect(text).toMatch(/Type: +CORE \(Core file\)/);
  expect(text).toMatch(/\.xen_pages +PROGBITS +0+ 00[0-9a-f]+000 002000 1000/);
});

test("nothing that is there is replaced, not through a link either", () => {
  const file = join(dir, "precious");
  writeFileSync(file, "precious");
  symlinkSync(file, join(dir, "link"));
  symlinkSync(join(dir, "nowhere"), join(dir, "dangling"));
  for (const name of ["precious", "link", "dangling"]) {
    expect(() => dumpCore(host([0]), 7, join(dir, name))).toThrow(
      expect.objectContaining({ code: "FILE_EXISTS" }),
    );
  }
  expect(readFileSync(file, "utf8")).toBe("precious");
  expect(existsSync(join(dir, "nowhere"))).toBe(false);
});

test("a place that cannot be written to is told; a dump that fails leaves no file", () => {
  expect(() => dumpCore(host([0]), 7, join(dir, "absent", "core"))).toThrow(
    expect.objectContaining({ code: "FILE_UNWRITABLE" }),
  );
  const file = join(dir, "core");
  const failing = host([0]);
  failing.memory.read = () => {
    throw new Error("no such frame");
  };
  expect(() => dumpCore(failing, 7, file)).toThrow("no such frame");
  expect(existsSync(file)).toBe(false);
});
