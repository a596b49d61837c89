import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  constants,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PvhError } from "@pvh/errors";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { DiskConfig, DiskImage } from "./disk-image.ts";
import { diskNodes } from "./nodes.ts";
import { openDisk } from "./open-disk.ts";

let directory: string;
let image: string;
const open: DiskImage[] = [];

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "pvh-disk-"));
  image = join(directory, "a.img");
  writeFileSync(image, new Uint8Array(8192));
});
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(() => {
  for (const disk of open.splice(0)) disk.close();
});

function linkOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}
const config = (changes: Partial<DiskConfig> = {}): DiskConfig => ({
  path: image,
  devid: 51712,
  name: "xvda",
  readonly: false,
  discard: false,
  direct: false,
  ...changes,
});
function opened(changes: Partial<DiskConfig> = {}): DiskImage {
  const disk = openDisk(config(changes));
  open.push(disk);
  return disk;
}
function refusal(changes: Partial<DiskConfig> = {}): PvhError {
  try {
    opened(changes);
  } catch (error) {
    if (error instanceof PvhError) return error;
    throw error;
  }
  throw new Error("was opened");
}

/** Says why the image cannot be opened to be written, and opens it to be read. */
const openAsNobody = `
  const { openDisk } = await import(process.env.MODULE);
  if (process.getuid() === 0) process.setuid(65534);
  const { IMAGE: path } = process.env;
  const config = { path, devid: 51712, name: "xvda", discard: true, direct: false, cdrom: false, trusted: true };
  try { openDisk({ ...config, readonly: false }); } catch (error) { console.log(error.message); }
  openDisk({ ...config, readonly: true }).close();
  console.log("opened to be read");
`;

describe("a disk that cannot be had", () => {
  test("names what is wrong", () => {
    const missing = refusal({ path: join(directory, "none.img") });
    expect(missing).toMatchObject({ code: "FILE_UNREADABLE", details: { field: "disk" } });
    expect(missing.message).toBe(`disk xvda: ${directory}/none.img does not exist: check the path.`);
    expect(refusal({ path: directory }).message).toContain("is a directory");
    expect(refusal({ path: "/dev/null" }).message).toContain("neither a file nor a block device");
    const small = join(directory, "small.img");
    writeFileSync(small, "x");
    expect(refusal({ path: small }).message).toContain("has 1 bytes");
    const loop = join(directory, "loop");
    symlinkSync(loop, loop);
    expect(refusal({ path: loop }).message).toContain("(ELOOP)");
  });

  test("may not be written", () => {
    const guarded = join(directory, "guarded.img");
    writeFileSync(guarded, new Uint8Array(512));
    chmodSync(guarded, 0o444);
    chmodSync(directory, 0o755);
    // In a process of its own, because root, which may write everything, becomes somebody else.
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", openAsNobody], {
      encoding: "utf8",
      env: { ...process.env, MODULE: new URL("open-disk.ts", import.meta.url).href, IMAGE: guarded },
    });
    expect(stdout, stderr).toMatch(
      /^disk xvda: .*guarded\.img may not be written by this user.*\nopened to be read\n$/,
    );
  });
});

describe("locks", () => {
  test("a writer is alone", () => {
    opened();
    const again = refusal({ name: "xvdb" });
    expect(again).toMatchObject({ code: "DISK_IN_USE", details: { field: "disk" } });
    expect(again.message).toBe(
      `disk xvdb: ${image} is in use: this domain itself, for another disk, has it open, and writing needs it alone.`,
    );
    expect(refusal({ readonly: true }).message).toContain("writes to it");
  });

  test("readers share, and keep writers out", () => {
    opened({ readonly: true });
    opened({ readonly: true });
    expect(refusal().code).toBe("DISK_IN_USE");
  });

  test("end with the image", () => {
    opened();
    for (const disk of open.splice(0)) disk.close();
    opened();
  });

  test("hold between processes, and the holder is named", async () => {
    const script = `
      const { openDisk } = await import(${JSON.stringify(new URL("./open-disk.ts", import.meta.url).href)});
      process.title = "pvh-vmm web server";
      globalThis.disk = openDisk(${JSON.stringify(config())});
      console.log("open");
      setTimeout(() => {}, 60_000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    expect(refusal().message).toContain("is in use: domain web server has it open");
    child.kill("SIGKILL");
    await once(child, "exit");
    opened();
  });
});

test("sizes are whole sectors", () => {
  const odd = join(directory, "odd.img");
  writeFileSync(odd, new Uint8Array(1535));
  expect(opened({ path: odd }).properties.sectors).toBe(2);
  // Far more than 32 bits of bytes.
  const large = join(directory, "large.img");
  writeFileSync(large, "");
  truncateSync(large, 2 ** 42);
  expect(opened({ path: large }).properties.sectors).toBe(2 ** 33);
});

test("discards only where they are asked for and the disk is writable", () => {
  const discardable = (changes: Partial<DiskConfig>) => {
    const disk = openDisk(config(changes));
    disk.close();
    return disk.limits.discard;
  };
  expect(discardable({ discard: true })).toBe(true);
  expect(discardable({ discard: false })).toBe(false);
  expect(discardable({ discard: true, readonly: true })).toBe(false);
});

test("passes the page cache by when asked to", () => {
  const flags = (disk: DiskImage) => {
    const fd = readdirSync("/proc/self/fd").find((name) => linkOf(name) === disk.config.path);
    const info = readFileSync(`/proc/self/fdinfo/${fd}`, "latin1");
    return Number.parseInt(/flags:\s*(\d+)/.exec(info)?.[1] ?? "0", 8);
  };
  const cached = opened();
  expect(flags(cached) & constants.O_DIRECT).toBe(0);
  for (const disk of open.splice(0)) disk.close();
  expect(flags(opened({ direct: true })) & constants.O_DIRECT).toBe(constants.O_DIRECT);
});

test("nodes are those of libxl", () => {
  expect(diskNodes(config({ direct: true, readonly: true, cdrom: true }))).toEqual({
    kind: "vbd",
    id: 51712,
    front: { "virtual-device": "51712", "device-type": "cdrom", trusted: "1" },
    back: {
      params: image,
      "physical-device-path": image,
      removable: "1",
      bootable: "1",
      dev: "xvda",
      type: "phy",
      mode: "r",
      "device-type": "cdrom",
      "direct-io-safe": "1",
      "discard-enable": "0",
      specification: "xen",
      "hotplug-status": "connected",
    },
  });
});
