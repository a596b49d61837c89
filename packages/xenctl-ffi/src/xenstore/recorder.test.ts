import { expect, test } from "vitest";
import { record } from "./recorder.ts";

test("the changes of each transaction are a list, and so are those between", () => {
  const permissions = [{ domid: 5, access: "read" as const }];
  const changes = record((client) => {
    client.write("/before", "1");
    client.remove("/gone");
    const result = client.transaction((inside) => {
      inside.write("/a", "2");
      inside.transaction((nested) => nested.setPermissions("/a", permissions));
      return "result";
    });
    expect(result).toBe("result");
    client.transaction(() => {});
    client.transaction((inside) => inside.remove("/b"));
    client.write("/after", "");
  });
  permissions.push({ domid: 6, access: "read" });
  expect(changes).toEqual([
    [
      { kind: "write", path: "/before", value: "1" },
      { kind: "remove", path: "/gone" },
    ],
    [
      { kind: "write", path: "/a", value: "2" },
      { kind: "permissions", path: "/a", permissions: [{ domid: 5, access: "read" }] },
    ],
    [{ kind: "remove", path: "/b" }],
    [{ kind: "write", path: "/after", value: "" }],
  ]);
});

test("a transaction that throws leaves nothing", () => {
  const changes = record((client) => {
    client.write("/a", "");
    expect(() =>
      client.transaction((inside) => {
        inside.write("/b", "");
        throw new Error("mine");
      }),
    ).toThrow("mine");
    client.write("/c", "");
  });
  expect(changes.flat().map(({ path }) => path)).toEqual(["/a", "/c"]);
});

test("nothing can be read from a record", () => {
  record((client) => {
    expect(() => client.read("/a")).toThrow("nobody can read /a meanwhile");
    expect(() => client.list("/a")).toThrow("nobody can list /a meanwhile");
    expect(() => client.watch("/a", () => {})).toThrow("nobody can watch /a meanwhile");
  });
});
