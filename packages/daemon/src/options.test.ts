import { expect, test } from "vitest";
import { readOptions } from "./options.ts";

test("root's places are the system's", () => {
  expect(readOptions([], {}, 0)).toEqual({
    backend: "auto",
    socket: "/run/pvhd/pvhd.sock",
    stateDir: "/var/lib/pvhd",
  });
});

test("a user's places are the user's", () => {
  expect(readOptions([], { HOME: "/home/u" }, 1000)).toEqual({
    backend: "auto",
    socket: "/run/user/1000/pvhd/pvhd.sock",
    stateDir: "/home/u/.local/state/pvhd",
  });
  expect(readOptions([], { XDG_RUNTIME_DIR: "/r", XDG_STATE_HOME: "/s", HOME: "/h" }, 1000)).toEqual({
    backend: "auto",
    socket: "/r/pvhd/pvhd.sock",
    stateDir: "/s/pvhd",
  });
});

test("an option comes before the environment, and paths are made absolute", () => {
  const env = { PVHD_SOCKET: "/env.sock" };
  expect(readOptions(["--state", "st", "--backend", "xen"], env, 0)).toEqual({
    backend: "xen",
    socket: "/env.sock",
    stateDir: `${process.cwd()}/st`,
  });
  expect(readOptions(["--socket", "/o.sock"], env, 0)?.socket).toBe("/o.sock");
  expect(readOptions([], { PVHD_SOCKET: "" }, 0)?.socket).toBe("/run/pvhd/pvhd.sock");
});

test("--help is not a start", () => {
  expect(readOptions(["--help"], {}, 0)).toBeUndefined();
});

test.each([
  [["--sockets", "x"], /Unknown option '--sockets'/],
  [["--socket"], /argument missing/],
  [["--state", ""], /--state is empty/],
  [["--backend", "qemu"], /--backend is "qemu"; it must be auto, kvm or xen/],
  [["start"], /Unexpected argument 'start'/],
])("%j is refused with the usage", (args, message) => {
  expect(() => readOptions(args, {}, 0)).toThrow(
    expect.objectContaining({ code: "USAGE", message: expect.stringMatching(message) }),
  );
});

test("a user without any home must say where the state goes", () => {
  expect(() => readOptions([], {}, 1000)).toThrow(/with --state/);
});
