/**
 * npm run host:xen and npm run host:kvm: an emulated host for one command, one script, or a person.
 *
 *     node e2e/hosts/shell.ts xen|kvm [COMMAND...]
 *
 * Without a command, what stands on standard input is run, and on a terminal a shell. Ends with the status of what ran.
 */
import { text } from "node:stream/consumers";
import type { ReadStream } from "node:tty";
import { type EmulatedHost, terminalDevice } from "./emulated-host.ts";
import { missingForKvmHost, startKvmHost } from "./kvm-host.ts";
import { missingForXenHost, startXenHost } from "./xen-host.ts";

const kinds = {
  xen: { missing: missingForXenHost, start: startXenHost },
  kvm: { missing: () => missingForKvmHost(["amd64"]), start: startKvmHost },
};

/** A person decides how long it takes; timers know no more than 24 days. */
const timeoutMs = 7 * 24 * 3600_000;
const leaveKey = 0x1d; // Ctrl-]

const [kind, ...words] = process.argv.slice(2);
// A default action would leave the host running.
for (const [signal, number] of [
  ["SIGINT", 2],
  ["SIGTERM", 15],
  ["SIGHUP", 1],
] as const)
  process.once(signal, () => process.exit(128 + number));
try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function main(): Promise<number> {
  if (kind !== "xen" && kind !== "kvm") {
    console.error("usage: npm run host:xen|host:kvm [-- COMMAND...]");
    return 2;
  }
  const missing = await kinds[kind].missing();
  if (missing !== undefined) {
    console.error(missing);
    return 1;
  }
  const interactive = words.length === 0 && process.stdin.isTTY;
  const script = words.length > 0 ? words.join(" ") : interactive ? "" : await text(process.stdin);
  await using host = await kinds[kind].start({ name: `${kind} host`, cpus: 1 });
  // Without await, the host would be gone before what runs there.
  return await (interactive ? shell(host, kind, process.stdin) : runScript(host, script));
}

async function runScript(host: EmulatedHost, script: string): Promise<number> {
  const live = (output: string) => void process.stdout.write(output);
  const { status } = await host.run(`exec bash -c ${quoted(script)}`, { timeoutMs, live });
  return status;
}

async function shell(host: EmulatedHost, kind: string, input: ReadStream): Promise<number> {
  const { columns = 80, rows = 24 } = process.stdout;
  const lines = [
    `export TERM=${quoted(process.env.TERM ?? "vt100")} PS1=${quoted(`[${kind} host] \\w \\$ `)}`,
    // Opened first: a terminal that nobody has open forgets its size.
    `exec <> ${terminalDevice} >&0 2>&1`,
    `stty sane rows ${rows} cols ${columns}`,
    "exec setsid --ctty --wait bash --norc --noprofile -i",
  ];
  console.error("Ctrl-] or the end of the shell powers the host off; what it wrote is gone then.");
  const left = Promise.withResolvers<number>();
  input.setRawMode(true);
  input.on("data", (typed: Buffer) => {
    if (typed.includes(leaveKey)) left.resolve(0);
    else host.terminal.write(typed);
  });
  host.terminal.on("data", (output: Buffer) => process.stdout.write(output));
  try {
    const ended = host.run(lines.join("\n"), { timeoutMs, live: () => {} });
    return await Promise.race([ended.then(({ status }) => status), left.promise]);
  } finally {
    input.setRawMode(false);
    input.pause();
    process.stdout.write("\n");
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
