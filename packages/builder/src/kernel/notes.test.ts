import { expect, test } from "vitest";
import { buildElf, concat, noteBytes, type TestElf, text, u64, xenNotesOf } from "./elf.testing.ts";
import { readElf } from "./elf.ts";
import { inspectElf, linuxClassic } from "./kernels.testing.ts";
import { readNotes } from "./notes.ts";
import { kernelReport } from "./report.ts";

const segments: TestElf["segments"] = [{ paddr: 0x100000, bytes: new Uint8Array(0x1000) }];

/** Descriptors of 5 and 4 bytes, names of 4 and 6: padding to 4 and to 8 differ at each. */
const odd = [
  { type: 6, desc: text("GRUB") },
  { owner: "Linux", type: 257, desc: Uint8Array.of(1, 2, 3, 4) },
  { owner: "GNU", type: 3, desc: new Uint8Array(20).fill(0xab) },
  { type: 18, desc: Uint8Array.of(0, 0, 0x10, 0) },
];

function listed(spec: TestElf) {
  const warnings: string[] = [];
  const notes = readNotes(readElf(buildElf({ segments: segments ?? [], ...spec })), (text) =>
    warnings.push(text),
  );
  return { notes, warnings, names: notes.map(({ owner, number }) => `${owner}:${number}`) };
}

test.each([
  { notePadding: 4, noteAlign: 4 },
  { notePadding: 4, noteAlign: 1 },
  { notePadding: 8, noteAlign: 8 },
  { notePadding: 4, noteAlign: 8 },
  { notePadding: 8, noteAlign: 4 },
] as const)("padding $notePadding is read where the declared alignment is $noteAlign", (alignment) => {
  for (const notesIn of ["segment", "section", "both"] as const) {
    const { names, notes, warnings } = listed({ notes: odd, notesIn, ...alignment });
    expect(names).toEqual(["Xen:6", "Linux:257", "GNU:3", "Xen:18"]);
    expect(notes.map(({ desc }) => [...desc])).toEqual(odd.map(({ desc }) => [...desc]));
    expect(warnings).toEqual([]);
  }
});

test("notes that a segment and a section both hold are listed once, as the segment's", () => {
  const { notes } = listed({ notes: odd, notesIn: "both" });
  expect(notes.map(({ source, inSegment }) => [source, inSegment])).toEqual(
    odd.map(() => ["segment 1", true]),
  );
});

test("notes only in sections count, with their section's name", () => {
  const kernel = inspectElf({ ...linuxClassic, notesIn: "section" });
  expect(kernel.classic.state).toBe("supported");
  expect(kernel.notes[0]).toMatchObject({ source: "section .notes", inSegment: false });
  expect(kernel.warnings).toEqual([]);
});

test("a Xen note that is only in a section counts beside those in segments, with a warning", () => {
  const kernel = inspectElf({
    segments: segments ?? [],
    notes: xenNotesOf({ GUEST_OS: "x" }),
    sections: [{ name: ".note.pvh", type: 7, bytes: noteBytes(xenNotesOf({ PHYS32_ENTRY: 0x100000 }), 4) }],
  });
  expect(kernel.direct).toMatchObject({ state: "supported", boot: { entry: 0x100000 } });
  expect(kernel.warnings).toEqual([
    "The Xen note PHYS32_ENTRY is only in section .note.pvh; Xen itself reads only notes in segments.",
  ]);
});

test("every PT_NOTE is read, not only the first", () => {
  const bytes = noteBytes([{ owner: "GNU", type: 5, desc: new Uint8Array(16) }], 8);
  const property = { paddr: 0, bytes, memsz: 0, header: { p_type: 4, p_align: 8 } };
  const { names } = listed({ segments: [...(segments ?? []), property], notes: odd });
  expect(names).toEqual(["GNU:5", "Xen:6", "Linux:257", "GNU:3", "Xen:18"]);
});

test("zeros between notes that are aligned differently are no notes", () => {
  const first = noteBytes([{ owner: "Linux", type: 257, desc: Uint8Array.of(1, 2, 3, 4) }], 4);
  const second = noteBytes([{ type: 18, desc: u64(0x100000) }], 4);
  const bytes = concat([first, new Uint8Array(4), second, new Uint8Array(12)]);
  const { names, warnings } = listed({ sections: [{ name: ".notes", type: 7, bytes }] });
  expect(names).toEqual(["Linux:257", "Xen:18"]);
  expect(warnings).toEqual([]);
});

test("a descriptor beyond the end of its segment: a text is used as far as it goes, a number is not", () => {
  const cutShort = (notes: Parameters<typeof noteBytes>[0], missing: number) => {
    const bytes = noteBytes(notes, 4);
    return inspectElf({
      segments: [
        ...(segments ?? []),
        {
          paddr: 0,
          bytes: bytes.subarray(0, bytes.length - missing),
          memsz: 0,
          header: { p_type: 4, p_align: 4 },
        },
      ],
    });
  };
  const pae = new Uint8Array(12);
  pae.set(text("yes"));
  const grub = cutShort(
    [
      { type: 18, desc: u64(0x100000) },
      { type: 9, desc: pae },
    ],
    8,
  );
  expect(grub.xen).toMatchObject({ paeMode: "extended-cr3" });
  expect(grub.direct.state).toBe("supported");
  expect(grub.warnings).toEqual([
    "The notes in segment 1 are not all readable: the note at offset 0x1058 has a descriptor of 12 bytes where 4 are left.",
  ]);
  const { direct } = cutShort([{ type: 18, desc: u64(0x100000) }], 4);
  expect(direct.state).toBe("invalid");
  expect(direct.problems[0]).toMatch(/PHYS32_ENTRY at offset 0x1040 goes beyond the end/);
});

test.each([0xffffffff, 0x7fffffff, 100])("a name of %d bytes ends the list with a warning", (nameSize) => {
  const bytes = noteBytes(odd, 4);
  new DataView(bytes.buffer).setUint32(20 + 4, nameSize, true);
  const { names, warnings } = listed({ sections: [{ name: ".notes", type: 7, bytes }] });
  expect(names).toEqual(["Xen:6"]);
  expect(warnings[0]).toMatch(
    new RegExp(`section .notes .* offset 0x[0-9a-f]+ has a name of ${nameSize} bytes`),
  );
});

test("where neither padding fits, notes are read as Xen reads them: padded to 4", () => {
  const bytes = noteBytes(odd, 4);
  const cut = bytes.subarray(0, bytes.length - 2);
  const header = { p_type: 4, p_align: 8 };
  const { names, warnings } = listed({
    segments: [...(segments ?? []), { paddr: 0, bytes: cut, memsz: 0, header }],
  });
  expect(names).toEqual(["Xen:6", "Linux:257", "GNU:3", "Xen:18"]);
  expect(warnings).toHaveLength(1);
});

test("names and texts cannot reach the terminal", () => {
  const kernel = inspectElf({
    segments: segments ?? [],
    notes: [
      { owner: "\x1b[2J", type: 1, desc: Uint8Array.of(0x1b) },
      { type: 6, desc: text("\x1b]0;x\x07\u00e9") },
    ],
  });
  expect(JSON.stringify(kernelReport(kernel).notes)).not.toMatch(/\\u00/);
  expect(kernel.notes[0]?.owner).toBe("\\x1b[2J");
  expect(kernel.xen?.guestOs).toBe("\\x1b]0;x\\x07\\xc3\\xa9");
});

test("a note segment beyond the end of the file is refused", () => {
  const header = { p_type: 4, p_filesz: 0x100000 };
  const spec = { segments: [{ paddr: 0, bytes: new Uint8Array(64), memsz: 0, header }] };
  expect(() => listed(spec)).toThrow(
    expect.objectContaining({
      code: "KERNEL_TRUNCATED",
      message: expect.stringMatching(/note segment 0 \(phdr\[0\]\.p_filesz\) takes 0x100000 bytes/),
    }),
  );
});

test("a later note overrides an earlier one, and a contradiction is told", () => {
  const notes = [
    { type: 18, desc: u64(0x100000) },
    { type: 18, desc: Uint8Array.of(0, 0, 0x10, 0) },
    { type: 18, desc: u64(0x100800) },
  ];
  const kernel = inspectElf({ segments: segments ?? [], notes });
  expect(kernel.direct).toMatchObject({ state: "supported", boot: { entry: 0x100800 } });
  expect(kernel.warnings).toHaveLength(1);
  expect(kernel.warnings[0]).toMatch(/PHYS32_ENTRY stands twice and differs: 0x100000 .* 0x100800 .* latter/);
});

test("a note in a segment overrides one in a section; a good one makes up for a damaged one", () => {
  const damaged = { type: 18, desc: Uint8Array.of(1, 2, 3) };
  const inSection = noteBytes([damaged, ...xenNotesOf({ GUEST_OS: "section" })], 4);
  const kernel = inspectElf({
    segments: segments ?? [],
    notes: xenNotesOf({ PHYS32_ENTRY: 0x100000, GUEST_OS: "segment" }),
    sections: [{ name: ".notes", type: 7, bytes: inSection }],
  });
  expect(kernel.xen?.guestOs).toBe("segment");
  expect(kernel.direct.state).toBe("supported");
});

test("features of several notes add up without a warning", () => {
  const notes = [...xenNotesOf({ FEATURES: "dom0" }), ...xenNotesOf({ FEATURES: "hvm_pirqs" })];
  const kernel = inspectElf({ segments: segments ?? [], notes });
  expect(kernel.xen?.features.supported).toBe(0xc00);
  expect(kernel.warnings).toEqual([]);
});

test("thousands of notes are refused, also when many segments share them", () => {
  const many = noteBytes(
    Array.from({ length: 5000 }, () => ({ type: 99, desc: new Uint8Array() })),
    4,
  );
  expect(() => listed({ sections: [{ name: "n", type: 7, bytes: many }] })).toThrow(/more than 4096 notes/);
  // Right behind the ELF header, as the first piece of the file.
  const shared = many.subarray(0, 100 * 16);
  const sharing = (count: number) =>
    listed({
      segments: [
        { paddr: 0x100000, bytes: shared },
        ...Array.from({ length: count }, (_, i) => ({
          paddr: 0,
          header: { p_type: 4, p_offset: 64, p_filesz: shared.length - 16 * i },
        })),
      ],
    });
  expect(sharing(2).notes).toHaveLength(100);
  expect(() => sharing(60)).toThrow(/more than 4096 notes/);
});
