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

test("what migration needs", () => {
  const files = ["--tls-cert", "c.crt", "--tls-key", "/c.key", "--tls-ca", "/ca.crt"];
  const identity = { cert: `${process.cwd()}/c.crt`, key: "/c.key", ca: "/ca.crt" };
  expect(readOptions(files, {}, 0)?.migration).toEqual({ identity });
  const listening = (text: string) =>
    readOptions([...files, "--migration-listen", text], {}, 0)?.migration?.listen;
  expect(listening("0.0.0.0")).toEqual({ host: "0.0.0.0", port: 8002 });
  expect(listening("[::1]:9000")).toEqual({ host: "::1", port: 9000 });
  expect(() => listening("::1:9000")).toThrow(/--migration-listen is "::1:9000"; it must be an address/);
  expect(() => listening("host:0")).toThrow(/it must be an address of this host/);
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
  [["--tls-key", ""], /--tls-key is empty/],
  [["--tls-key", "k"], /^--tls-cert and --tls-ca must be given, too: migration needs all three files\.$/],
  [["--migration-listen", "::1"], /^--tls-cert and --tls-key and --tls-ca must be given, too/],
])("%j is refused with the usage", (args, message) => {
  expect(() => readOptions(args, {}, 0)).toThrow(
    expect.objectContaining({ code: "USAGE", message: expect.stringMatching(message) }),
  );
});

test("a user without any home must say where the state goes", () => {
  expect(() => readOptions([], {}, 1000)).toThrow(/with --state/);
});
