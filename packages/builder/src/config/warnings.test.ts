import { expect, test } from "vitest";
import { parseVif } from "./vif.ts";
import { configWarnings } from "./warnings.ts";

test("root and extra beside cmdline are warned about, as in xl", () => {
  expect(configWarnings({ root: "x", extra: "y" })).toEqual([]);
  expect(configWarnings({ cmdline: "x" })).toEqual([]);
  expect(configWarnings({ cmdline: "x", extra: "y" })).toEqual([
    "extra has no effect, because cmdline is the whole command line",
  ]);
  expect(configWarnings({ cmdline: "x", extra: "y", root: "z" })[0]).toMatch(
    /^root and extra have no effect/,
  );
});

test("options of a vif that do less than their name says are warned about", () => {
  const vif = ["model=e1000", "bridge=br0", "ip=10.0.0.1,model=x"].map(parseVif);
  expect(configWarnings({ vif })).toEqual([
    "vif[0]: model has no effect, because a PVH guest has no emulated network card",
    "vif[2]: model has no effect, because a PVH guest has no emulated network card",
    "vif[2]: ip is only told to who asks; no firewall keeps the guest to these addresses",
  ]);
  expect(configWarnings({ vif: [] })).toEqual([]);
});
