import { createInterface } from "node:readline";
import { type Duplex, duplexPair, PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { AgentChannel } from "../../hosts/agent-channel.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");

/** An agent that answers each request with the lines that `answer` gives. */
function fakeAgent(answer: (id: string, command: string, seconds: string) => string[]): Duplex {
  const [ours, theirs] = duplexPair();
  createInterface({ input: theirs }).on("line", (line) => {
    const [id = "", seconds = "", command = ""] = line.split(" ");
    const lines = answer(id, Buffer.from(command, "base64").toString(), seconds);
    for (const text of lines) theirs.write(`${text}\n`);
  });
  theirs.write("ready 6.1.0\n");
  return ours;
}

test("a command's output and status come back; answers to others and noise are passed over", async () => {
  const channel = new AgentChannel(
    fakeAgent((id, command, seconds) => [
      "[   12.345] some noise",
      `out 999 ${base64("not mine")}`,
      `out ${id} ${base64(`${command} within ${seconds}`)}`,
      `err ${id} `,
      "end 999 0",
      `end ${id} 3`,
    ]),
    new PassThrough(),
    "cd /; ",
  );
  expect(await channel.ready).toBe("6.1.0");
  expect(await channel.run("true", 1500)).toEqual({ status: 3, stdout: "cd /; true within 2", stderr: "" });
});

test("commands asked for together run one after the other", async () => {
  let running = 0;
  const [ours, theirs] = duplexPair();
  createInterface({ input: theirs }).on("line", (line) => {
    running += 1;
    setTimeout(() => {
      theirs.write(`out ${line.split(" ")[0]} ${base64(String(running))}\nend ${line.split(" ")[0]} 0\n`);
      running -= 1;
    }, 5);
  });
  const channel = new AgentChannel(ours, new PassThrough());
  const results = await Promise.all(["a", "b", "c"].map((command) => channel.run(command, 1000)));
  expect(results.map(({ stdout }) => stdout)).toEqual(["1", "1", "1"]);
});

test("a command killed at its time limit is an error that shows what it printed", async () => {
  const [ours, theirs] = duplexPair();
  createInterface({ input: theirs }).on("line", (line) => {
    const id = line.split(" ")[0];
    setTimeout(() => theirs.write(`out ${id} ${base64("so far")}\nend ${id} 137\n`), 30);
  });
  const channel = new AgentChannel(ours, new PassThrough());
  await expect(channel.run("sleep 9", 20)).rejects.toThrow(
    /\$ sleep 9\nstatus 137\n--- stdout\nso far\n.*longer than/s,
  );
});

test("when the host ends, what waits and what comes later fails with its reason", async () => {
  const channel = new AgentChannel(
    fakeAgent(() => []),
    new PassThrough(),
  );
  const waiting = channel.run("true", 1000);
  channel.fail(new Error("kernel panic"));
  await expect(waiting).rejects.toThrow("kernel panic");
  await expect(channel.run("true", 1000)).rejects.toThrow("kernel panic");
});

test("what a live command prints is shown while it runs, and all of it before it has ended", async () => {
  const [ours, theirs] = duplexPair();
  const output = new PassThrough();
  const requests: string[] = [];
  createInterface({ input: theirs }).on("line", (line) => {
    requests.push(line.split(" ").slice(3).join());
    output.write("one\n");
    // The second port may be behind the first.
    theirs.write(`out 1 \nerr 1 \nend 1 0\n`);
    setTimeout(() => output.write("two\n\0"), 20);
  });
  const channel = new AgentChannel(ours, output);
  let seen = "";
  const result = await channel.run("true", 1000, (text) => {
    seen += text;
  });
  expect(seen).toBe("one\ntwo\n");
  expect(result).toEqual({ status: 0, stdout: "", stderr: "" });
  expect(requests).toEqual(["live"]);
});

test("a port that breaks is no error of its own", async () => {
  const [ours] = duplexPair();
  const output = new PassThrough();
  const channel = new AgentChannel(ours, output);
  const waiting = channel.run("true", 1000);
  ours.destroy(new Error("ECONNRESET"));
  output.destroy(new Error("ECONNRESET"));
  await new Promise((resolve) => setTimeout(resolve, 10));
  channel.fail(new Error("the host ended"));
  await expect(waiting).rejects.toThrow("the host ended");
});
