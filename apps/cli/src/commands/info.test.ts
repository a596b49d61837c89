import { expect, test } from "vitest";
import { hostText } from "./info.ts";

test("a host's facts are a line each, and what it does not say is left out", () => {
  expect(
    hostText({
      backend: "xen",
      usable: true,
      version: "4.17.7",
      capabilities: { "hvm-3.0-x86_64": 1, hap: 0, cpus: 4 },
      memory_total: 4096,
      memory_available: 1024,
      cpupools: [
        { name: "Pool-0", scheduler: "credit2", cpus: "0-2", domains: 3 },
        { name: "fast\u001b", scheduler: "null", cpus: "3", domains: 0 },
      ],
    }).split("\n"),
  ).toEqual([
    "backend           xen",
    "version           4.17.7",
    "usable            yes",
    "memory_total      4096 MiB",
    "memory_available  1024 MiB",
    "capabilities      hvm-3.0-x86_64 cpus=4",
    "cpupools          Pool-0 (credit2, CPUs 0-2, domains 3), fast\ufffd (null, CPUs 3, domains 0)",
  ]);
});

test("a host that cannot be used says why", () => {
  const problem = {
    type: "t",
    title: "t",
    status: 503,
    code: "HOST_XEN_MISSING",
    detail: "There is no Xen.",
  };
  expect(hostText({ backend: "xen", usable: false, problem })).toBe(
    "backend  xen\nusable   no: There is no Xen.",
  );
});
