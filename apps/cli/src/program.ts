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

  command("list [domain]", "list domains")
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
    ["shutdown", "ask the guest to power off"],
  ] as const) {
    command(`${name} <domain>`, description)
      .addOption(output())
      .action(async (domain, options) => {
        const { act } = await import("./commands/act.ts");
        await act(socket(), name, domain, options);
      });
  }

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
