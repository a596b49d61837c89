import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { missingOpenssl, TestAuthority } from "@pvh/daemon/certificates.testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildGuests } from "../guests/build.ts";
import { missingForXenHost } from "../hosts/xen-host.ts";
import { requireOrSkip } from "../support/require-or-skip.ts";
import { countingGuest } from "./counting-guest.ts";
import type { LinuxGuest } from "./linux-guest.ts";
import { useXenHost } from "./test-host.ts";

const UUID = "319a7e00-0000-4000-8000-00000c047e50";
const LOGS = "/var/log/xen/console";

/**
 * Two daemons on one host, each with its own domains: one sends a domain to the other. xenconsoled keeps what a domain says
 * on the side where it begins and where it comes in in files of their own.
 */
describe.skipIf(
  requireOrSkip("migration on an emulated Xen host", (await missingForXenHost()) ?? missingOpenssl()),
)("migration on an emulated Xen host", { retry: 1 }, () => {
  let guest: LinuxGuest;
  let authority: TestAuthority;
  let certificates: Record<"a" | "b", ReturnType<TestAuthority["issue"]>>;
  let folder: string;

  beforeAll(async () => {
    const kernels = await buildGuests();
    authority = new TestAuthority();
    certificates = { a: authority.issue("a"), b: authority.issue("b") };
    guest = await countingGuest("counter", { uuid: UUID, memory: 128, vcpus: 1 });
    folder = mkdtempSync(join(tmpdir(), "pvh-migrate-"));
    writeFileSync(
      join(folder, "classic.cfg"),
      `name = "classic"\ntype = "pvh"\nkernel = "${kernels["classic-spin"]}"\nmemory = 64\n`,
    );
  });
  afterAll(async () => {
    await guest?.[Symbol.asyncDispose]();
    authority?.[Symbol.dispose]();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  const { run, fails } = useXenHost({
    memory: 4096,
    prepare: async (host) => {
      await host.run("ip link set lo up; truncate -s 1M /tmp/disk");
      for (const name of ["a", "b"] as const) await startDaemon(name);
    },
  });

  async function startDaemon(name: "a" | "b"): Promise<void> {
    const { cert, key, ca } = { ...certificates[name] };
    const listen = `--migration-listen 127.0.0.1:${PORTS[name]}`;
    await run(
      `rm -f /tmp/${name}.sock; setsid -f pvhd --socket /tmp/${name}.sock --state /tmp/${name} ${listen} \\
           --tls-cert ${cert} --tls-key ${key} --tls-ca ${ca} >> /tmp/${name}.log 2>&1
         until [ -S /tmp/${name}.sock ]; do sleep 0.2; done`,
    );
  }

  const PORTS = { a: 8002, b: 8003 } as const;

  interface Count {
    count: number;
    sum: string;
  }

  /** What it has counted on one side. */
  async function counts(log: string): Promise<Count[]> {
    const text = await run(`cat ${LOGS}/guest-${log}.log 2> /dev/null || true`);
    const lines = text.matchAll(/^count (\d+) of ([0-9a-f]{32}),/gm);
    return [...lines].map(([, count, sum = ""]) => ({ count: Number(count), sum }));
  }

  async function countsOn(log: string, more = 2): Promise<void> {
    const now = await counts(log);
    await run(
      `until [ "$(grep -c '^count ' ${LOGS}/guest-${log}.log)" -ge ${now.length + more} ]; do sleep 1; done`,
    );
  }

  async function bootCounter(...overrides: string[]): Promise<void> {
    await run(`rm -f ${LOGS}/guest-counter*; export PVHD_SOCKET=/tmp/a.sock
        pvhctl create -q ${guest.config} ${overrides.map((one) => `'${one}'`).join(" ")}
        until grep -qs '^count 2 ' ${LOGS}/guest-counter.log; do sleep 1; done`);
  }

  async function domainsOf(name: "a" | "b"): Promise<{ state: string }[]> {
    return JSON.parse(await run(`pvhctl --socket /tmp/${name}.sock list -o json`));
  }

  /** Domains, nodes of theirs in the store, loop devices, interfaces and files of libxl. */
  function traces(): Promise<string> {
    return run(`xl list | awk 'NR > 2 { print $1 }'
        xenstore-ls -f | grep -E '^/(libxl|local/domain|local/domain/0/backend/[a-z]+)/[1-9]' || true
        xenstore-ls -f /vm 2> /dev/null | grep -v 00000000-0000 || true
        losetup -a; ls /sys/class/net | grep vif || true; ls /var/lib/xen | grep userdata || true`);
  }

  /** One count after the other, whoever has said them, and with the same memory. */
  function expectOneGuest(before: Count[], after: Count[]): void {
    const all = [...before, ...after];
    expect(all.map(({ count }) => count)).toEqual([...all.keys()]);
    expect(new Set(all.map(({ sum }) => sum)).size).toBe(1);
  }

  test("a domain moves while it runs, with its memory, disk and network, and never runs twice", async () => {
    const before = await traces();
    await bootCounter('disk=["/tmp/disk,raw,xvda,w"]', 'vif=["bridge=xenbr0"]');
    expect(await run("pvhctl --socket /tmp/a.sock migrate counter 127.0.0.1:8003")).toBe(
      "counter runs on 127.0.0.1:8003\n",
    );
    const left = JSON.parse(await run("pvhctl --socket /tmp/a.sock show -o json counter"));
    expect(left).toMatchObject({
      state: "shutdown",
      exit: { reason: "suspend", detail: "It was migrated to 127.0.0.1:8003." },
    });
    expect(await domainsOf("b")).toMatchObject([{ uuid: UUID, name: "counter", state: "running" }]);
    expect(await run("xl list | awk 'NR > 2 { print $1 }'")).toBe("counter\n");
    await countsOn("counter--incoming", 3);
    expectOneGuest(await counts("counter"), await counts("counter--incoming"));

    // All of it is the other daemon's now.
    const last = (await counts("counter--incoming")).at(-1)?.count ?? 0;
    await run(`until grep -aq '^count ${last + 2}' /tmp/disk; do sleep 1; done
        until tail -n 1 ${LOGS}/guest-counter--incoming.log | grep -q 'network answers'; do sleep 1; done`);
    const shown = JSON.parse(await run("pvhctl --socket /tmp/b.sock show -o json counter"));
    expect(shown.devices).toMatchObject([
      { name: "xvda", state: "connected" },
      { kind: "vif", state: "connected" },
    ]);
    expect(await run(`xenstore-read /vm/${UUID}/name; xl domid counter; xl domname ${shown.domid}`)).toBe(
      `counter\n${shown.domid}\ncounter\n`,
    );
    expect(await run(`ls /var/lib/xen | grep ${UUID}`)).toBe(
      `userdata-d.${shown.domid}.${UUID}.libxl-json\n`,
    );
    await run(
      "pvhctl --socket /tmp/b.sock destroy counter; pvhctl --socket /tmp/a.sock destroy counter || true",
    );
    expect(await traces()).toBe(before);
  });

  test("what cannot be moved is refused, and goes on", async () => {
    const before = await traces();
    await run(`pvhctl --socket /tmp/a.sock create -q ${folder}/classic.cfg`);
    expect(await fails("pvhctl --socket /tmp/a.sock migrate classic 127.0.0.1:8003")).toMatch(
      /^pvhctl: error HOST_UNSUPPORTED: The xen backend cannot migrate a classic guest/,
    );
    await run("pvhctl --socket /tmp/a.sock destroy classic");

    await bootCounter();
    const migrate = "pvhctl --socket /tmp/a.sock migrate counter";
    expect(await fails(`${migrate} 127.0.0.1:9`)).toContain("error MIGRATION_PEER");
    // Made out for the address alone.
    expect(await fails(`${migrate} localhost:8003`)).toContain("altnames");
    expect(await fails(`${migrate} 127.0.0.1:8002`)).toMatch(
      /error DOMAIN_NAME_TAKEN: The pvhd at 127\.0\.0\.1:8002 says: The name "counter" belongs to/,
    );
    await countsOn("counter");
    await run("pvhctl --socket /tmp/a.sock pause counter");
    expect(await fails(`${migrate} 127.0.0.1:8003`)).toContain("error DOMAIN_STATE: The domain is paused");
    await run("pvhctl --socket /tmp/a.sock destroy counter");
    expect(await traces()).toBe(before);
  });

  test("a daemon that is killed in the midst of it: the guest goes on where it was, and nothing stays there", async () => {
    const before = await traces();
    await bootCounter();
    const arriving = `/tmp/b/domains/${UUID}/arriving.json`;
    const migrate = `pvhctl --socket /tmp/a.sock migrate counter 127.0.0.1:8003 > /tmp/said 2>&1 &
        until [ -e ${arriving} ]; do sleep 0.1; done; sleep 2`;
    expect(await run(`${migrate}; kill -9 $(cat /tmp/b/pvhd.pid); wait; cat /tmp/said`)).toContain(
      "error MIGRATION_PEER",
    );
    await startDaemon("b");
    await countsOn("counter");
    expect(await run("xl list | awk 'NR > 2 { print $1 }'")).toBe("counter\n");
    expect(await domainsOf("b")).toEqual([]);

    await run(`${migrate}; kill -9 $(cat /tmp/a/pvhd.pid); wait`);
    await startDaemon("a");
    await countsOn("counter");
    expect(await domainsOf("a")).toMatchObject([{ state: "running" }]);
    await run("until [ \"$(xl list | awk 'NR > 2 { print $1 }')\" = counter ]; do sleep 1; done");
    expect(await domainsOf("b")).toEqual([]);
    expectOneGuest(await counts("counter"), []);
    await run("pvhctl --socket /tmp/a.sock destroy counter");
    expect(await traces()).toBe(before);
  });
});
