import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import { describe as transcript } from "../hosts/agent-channel.ts";
import { startXenHost, type XenHost, type XenHostOptions } from "../hosts/xen-host.ts";

/** What there is to see when a test fails. */
const STATE = `xl list; xl vcpu-list; cat /proc/loadavg
  for log in /tmp/pvhd.log /tmp/[ab].log /var/log/xen/console/guest-*.log; do [ ! -f $log ] || { echo "--- $log"; tail -n 20 $log; }; done
  echo "--- dmesg"; dmesg | tail -n 20; echo "--- xl dmesg"; xl dmesg | tail -n 10`;

/** Long enough for what takes a minute where nothing else runs. */
const COMMAND_MS = 240_000;

export interface TestHost {
  /** Runs a command there that has to end with status 0; gives its standard output. */
  run(command: string): Promise<string>;
  /** Runs a command there that has to fail with status 1; gives what it complains of. */
  fails(command: string): Promise<string>;
}

interface Preparation extends XenHostOptions {
  /** Shell commands before each of the tests' own. */
  prelude?: string;
  /** What each new host needs. */
  prepare?: (host: TestHost) => Promise<void>;
}

/**
 * An emulated Xen host for the tests of one `describe`. Emulation is to blame for what does not repeat on a new host: a test
 * that is tried again gets one. What the host is to see in /tmp must be made by an earlier `beforeAll`.
 */
export function useXenHost({ prelude, prepare, ...options }: Preparation = {}): TestHost {
  let host: XenHost | undefined;

  async function result(command: string, status: number) {
    if (host === undefined) throw new Error("The host does not run.");
    const script = prelude === undefined ? command : `${prelude}\n${command}`;
    try {
      const found = await host.run(script, { timeoutMs: COMMAND_MS });
      expect(found.status, transcript(command, found)).toBe(status);
      return found;
    } catch (error) {
      await showState(host);
      throw error;
    }
  }
  const testHost: TestHost = {
    run: async (command) => (await result(command, 0)).stdout,
    fails: async (command) => (await result(command, 1)).stderr,
  };

  async function start(): Promise<void> {
    host = await startXenHost(options);
    await prepare?.(testHost);
  }

  beforeAll(start);
  beforeEach(async ({ task }) => {
    if ((task.result?.retryCount ?? 0) === 0) return;
    process.stderr.write(`repeating on a new host: ${task.name}\n`);
    await host?.stop();
    await start();
  });
  afterAll(async () => {
    await host?.stop();
  });
  return testHost;
}

/** On standard error: also what was tried again with success is worth a look. */
async function showState(host: XenHost): Promise<void> {
  const { stdout, stderr } = await host.run(STATE).catch((error) => ({ stdout: "", stderr: String(error) }));
  process.stderr.write(`the host when it failed:\n${stdout}${stderr}\n`);
}
