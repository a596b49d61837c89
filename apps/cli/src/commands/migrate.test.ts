import { expect, test } from "vitest";
import { hostAndPort } from "./migrate.ts";

test("a host with or without its port", () => {
  expect(hostAndPort("b.example")).toEqual({ host: "b.example" });
  expect(hostAndPort("192.0.2.7:9000")).toEqual({ host: "192.0.2.7", port: 9000 });
  expect(hostAndPort("[2001:db8::7]")).toEqual({ host: "2001:db8::7" });
  expect(hostAndPort("[2001:db8::7]:9000")).toEqual({ host: "2001:db8::7", port: 9000 });
});

test.each(["", ":9000", "b:", "b:port", "2001:db8::7", "b/c", "a b"])("%j is no host", (text) => {
  expect(() => hostAndPort(text)).toThrow(/^host is .*; it must be HOST, HOST:PORT or \[IPV6\]:PORT\.$/);
});
