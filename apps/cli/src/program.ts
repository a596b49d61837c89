import { Command, Option } from "commander";
import manifest from "../package.json" with { type: "json" };

/**
 * The command line as data for commander. Commands are imported when they run, so that each loads only what it needs:
 * `list` no kernel reader, `inspect` no HTTP client.
 */
export function program(): Command {
  const root = new Command("pvhctl")
    .description("Create, run and manage PVH guests.")
    .version(manifest.version)
    .option("--socket <path>", "socket of pvhd (environment: PVHD_SOCKET)")
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(`pvhctl: ${text.replace(/^error:/, "error USAGE:")}`),
    });
  const socket = () => root.opts<{ socket?: string }>().socket;
  const output = () =>
    new Option("-o, --output <format>", "output format").choices(["table", "json"]).default("table");
  const command = (usage: string, description: string) =>
    root
      .command(usage)
      .description(description)
      .showHelpAfterError(`Try: pvhctl ${usage.split(" ", 1)[0]} --help`);
  root.showHelpAfterError("Try: pvhctl --help");

  command("create <config> [overrides...]", "start a domain from an xl config file; overrides are key=value")
    .option("-p, --paused", "leave it paused")
    .option("-c, --console", "attach to its console")
    .option("-F, --foreground", "wait until it has ended for good")
    .option("--timings", "show how long each stage took")
    .option("-q, --quiet", "print nothing when it works")
    .addOption(output())
    .action(async (file, overrides, options) => {
      const { create } = await import("./commands/create.ts");
      await create(socket(), file, overrides, options);
    });

  command("run <config> [overrides...]", "run a guest attached to this terminal, without pvhd")
    .option("--timings", "show how long each stage took")
    .action(async (file, overrides, options) => {
      const { run } = await import("./commands/run.ts");
      await run(file, overrides, options);
    });

  command("info", "say what this host is and has")
    .addOption(output())
    .action(async (options) => {
      const { info } = await import("./commands/info.ts");
      await info(socket(), options);
    });

  command("list [domain]", "list domains")
    .option("-a, --all", "also domains of this host that pvhd has not made; it does not touch them")
    .addOption(output())
    .action(async (domain, options) => {
      const { list } = await import("./commands/list.ts");
      await list(socket(), domain, options);
    });

  command("show <domain>", "show everything about one domain")
    .addOption(output())
    .action(async (domain, options) => {
      const { show } = await import("./commands/show.ts");
      await show(socket(), domain, options);
    });

  command("console <domain>", "attach to a domain's console; Ctrl-] leaves")
    .option("--replay", "print the output so far and leave")
    .action(async (domain, options) => {
      const { console } = await import("./commands/console.ts");
      await console(socket(), domain, options);
    });

  for (const [name, description] of [
    ["pause", "stop a domain's vCPUs"],
    ["unpause", "let a paused domain run"],
  ] as const) {
    command(`${name} <domain>`, description)
      .addOption(output())
      .action(async (domain, options) => {
        const { act } = await import("./commands/act.ts");
        await act(socket(), name, domain, options);
      });
  }

  for (const [name, description] of [
    ["shutdown", "ask the guest to power off"],
    ["reboot", "ask the guest to reboot; on_reboot of its config says what happens then"],
  ] as const) {
    command(`${name} <domain>`, description)
      .option("-w, --wait", "until it has done so")
      .addOption(output())
      .action(async (domain, options) => {
        const { act } = await import("./commands/act.ts");
        await act(socket(), name, domain, options);
      });
  }

  command("sysrq <domain> <key>", "send a key of Linux's Magic SysRq")
    .addOption(output())
    .action(async (domain, key, options) => {
      const { sysrq } = await import("./commands/act.ts");
      await sysrq(socket(), domain, key, options);
    });

  command("mem-set <domain> <size>", "say how much memory the guest is to have: MiB, or with k, m, g or t")
    .addOption(output())
    .action(async (domain, size, options) => {
      const { memSet } = await import("./commands/change.ts");
      await memSet(socket(), domain, size, options);
    });

  command("mem-max <domain> <size>", "say how far mem-set can go: MiB, or with k, m, g or t")
    .addOption(output())
    .action(async (domain, size, options) => {
      const { memMax } = await import("./commands/change.ts");
      await memMax(socket(), domain, size, options);
    });

  command(
    "vcpu-pin <domain> <vcpu|all> <cpus> [soft]",
    "say on which CPUs of the host vCPUs run: 0-3,^2 or all; - leaves it",
  )
    .addOption(output())
    .action(async (domain, vcpu, cpus, soft, options) => {
      const { vcpuPin } = await import("./commands/control.ts");
      await vcpuPin(socket(), domain, vcpu, cpus, soft, options);
    });

  command("sched [domain]", "show or set a domain's share of the processors")
    .aliases(["sched-credit", "sched-credit2"])
    .option("-d, --domain <domain>", "the domain, as xl has it")
    .option("-w, --weight <weight>", "its weight beside others: 256 is usual")
    .option("-c, --cap <percent>", "most that it gets, in percent of one CPU; 0 is no limit")
    .addOption(output())
    .action(async (domain, options) => {
      const { sched } = await import("./commands/control.ts");
      await sched(socket(), domain, options);
    });

  command("trigger <domain> <nmi|reset|init|power> [vcpu]", "send a trigger to a vCPU")
    .addOption(output())
    .action(async (domain, name, vcpu, options) => {
      const { trigger, triggerNamed } = await import("./commands/control.ts");
      await trigger(socket(), domain, triggerNamed(name), vcpu, options);
    });

  command("rename <domain> <name>", "give a domain another name")
    .addOption(output())
    .action(async (domain, name, options) => {
      const { rename } = await import("./commands/control.ts");
      await rename(socket(), domain, name, options);
    });

  command("dump-core <domain> <file>", "write a domain's memory into a new file")
    .addOption(output())
    .action(async (domain, file, options) => {
      const { dumpCore } = await import("./commands/control.ts");
      await dumpCore(socket(), domain, file, options);
    });

  command("save <domain> <file>", "write a domain with its memory into a new file, and end it")
    .option("-c, --checkpoint", "the domain goes on")
    .option("-p, --paused", "the domain stays, paused")
    .addOption(output())
    .action(async (domain, file, options) => {
      const { save } = await import("./commands/saved.ts");
      await save(socket(), domain, file, options);
    });

  command("restore <file>", "make a domain of a saved one, also of one that xl has saved")
    .option("-p, --paused", "leave it paused")
    .option("-c, --console", "attach to its console")
    .option("-n, --name <name>", "give it another name")
    .option("--timings", "show how long each stage took")
    .addOption(output())
    .action(async (file, options) => {
      const { restore } = await import("./commands/saved.ts");
      await restore(socket(), file, options);
    });

  command("migrate <domain> <host[:port]>", "move a live domain to another host, whose pvhd takes it")
    .option("--no-live", "suspend it first, and send its memory once")
    .addOption(output())
    .action(async (domain, host, options) => {
      const { migrate } = await import("./commands/migrate.ts");
      await migrate(socket(), domain, host, options);
    });

  command("uptime [domain...]", "show how long domains have run")
    .option("-s, --short", "one line each, without seconds")
    .addOption(output())
    .action(async (domains, options) => {
      const { uptime } = await import("./commands/uptime.ts");
      await uptime(socket(), domains, options);
    });

  command("vcpu-set <domain> <count>", "say how many vCPUs the guest is to have online")
    .addOption(output())
    .action(async (domain, count, options) => {
      const { vcpuSet } = await import("./commands/change.ts");
      await vcpuSet(socket(), domain, count, options);
    });

  command("block-attach <domain> <disk...>", "give a disk to a domain: /path/image,raw,xvdb as in xl.cfg")
    .addOption(output())
    .action(async (domain, words, options) => {
      const { blockAttach } = await import("./commands/devices.ts");
      await blockAttach(socket(), domain, words, options);
    });

  command("block-detach <domain> <vdev>", "take a disk from a domain")
    .option("-f, --force", "without waiting for the guest to let go of it")
    .action(async (domain, vdev, options) => {
      const { blockDetach } = await import("./commands/devices.ts");
      await blockDetach(socket(), domain, vdev, options);
    });

  command("block-list <domain>", "list a domain's disks")
    .addOption(output())
    .action(async (domain, options) => {
      const { blockList } = await import("./commands/devices.ts");
      await blockList(socket(), domain, options);
    });

  command("network-attach <domain> [vif...]", "give an interface to a domain: bridge=br0 as in xl.cfg")
    .addOption(output())
    .action(async (domain, words, options) => {
      const { networkAttach } = await import("./commands/devices.ts");
      await networkAttach(socket(), domain, words, options);
    });

  command("network-detach <domain> <devid|mac>", "take an interface from a domain")
    .option("-f, --force", "without waiting for the guest to let go of it")
    .action(async (domain, vif, options) => {
      const { networkDetach } = await import("./commands/devices.ts");
      await networkDetach(socket(), domain, vif, options);
    });

  command("network-list <domain>", "list a domain's network interfaces")
    .addOption(output())
    .action(async (domain, options) => {
      const { networkList } = await import("./commands/devices.ts");
      await networkList(socket(), domain, options);
    });

  command("destroy <domain>", "end a domain at once and forget it")
    .option("--keep", "keep its record and console output")
    .action(async (domain, options) => {
      const { destroy } = await import("./commands/act.ts");
      await destroy(socket(), domain, options);
    });

  command("inspect <kernel>", "say what a kernel file is and which PVH boot interfaces it supports")
    .addOption(output())
    .action(async (file, options) => {
      const { inspect } = await import("./commands/inspect.ts");
      await inspect(file, options);
    });

  command(
    "build <config> [overrides...]",
    "write the memory image and its description without starting anything",
  )
    .requiredOption("-o, --out <file>", "image file; the description goes to FILE.json")
    .action(async (file, overrides, options) => {
      const { build } = await import("./commands/build.ts");
      await build(file, overrides, options);
    });

  return root;
}
