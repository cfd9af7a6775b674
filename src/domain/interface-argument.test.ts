import { expect, test } from "vitest";
import { checkInterface, fillInterface, type InterfaceArgument } from "./interface-argument.ts";
import type { JobConfigs, SimpleValue } from "./job-configs.ts";
import type { JobType } from "./job-type.ts";

function argument(changes: Partial<InterfaceArgument>): InterfaceArgument {
  return {
    id: "0".repeat(32),
    name: "a",
    description: null,
    mappingType: "configs",
    location: "k",
    valueType: "string",
    required: true,
    default: null,
    ...changes,
  };
}

const SOURCE = "00000000-0000-4000-8000-00000000dead";

function check(
  type: JobType,
  args: readonly Partial<InterfaceArgument>[],
  expected: RegExp | readonly string[],
) {
  const act = () => checkInterface(type, args.map(argument));
  if (expected instanceof RegExp) expect(act).toThrow(expected);
  else expect(act()).toEqual(expected);
}

test("arguments are legal or refused as a template's type says", () => {
  check("Shell", [], []);
  check("Shell", [{}], []);
  check("Shell", [{}, { location: "k2" }], /the name "a" is used twice/);
  check("Shell", [{}, { name: "b" }], /two arguments have the place configs k/);
  check("Shell", [{}, { name: "b", mappingType: "params" }], []);
  check("Hive", [{ mappingType: "args", location: "0" }], /Hive takes no args/);
  check("Spark", [{ mappingType: "params" }], /Spark takes no params/);
  check("MapReduce", [{ mappingType: "params" }], /takes no params/);
  check("Storm", [{}], /Storm takes no configs/);
  check("Storm.Pyleus", [{ mappingType: "args", location: "0" }], /takes no args/);
});

test("positions count from 0 without a gap, in any order", () => {
  const at = (name: string, location: string) => ({ name, mappingType: "args", location }) as const;
  check("Shell", [at("b", "1"), at("a", "0")], []);
  check("Shell", [at("a", "1")], /0, 1, 2/);
  check("Shell", [at("a", "0"), at("b", "2")], /0, 1, 2/);
  check("Shell", [at("a", "x")], /a number from 0/);
  check("Shell", [at("a", "-1")], /a number from 0/);
  check("Shell", [{ ...at("a", "0"), required: false }], /needs a default/);
  check("Shell", [{ ...at("a", "0"), required: false, default: "" }], /needs a default/);
  check("Shell", [{ ...at("a", "0"), required: false, default: "z" }], []);
});

test("a default fits its type; a data source is named for its existence to be asked", () => {
  const of = (valueType: InterfaceArgument["valueType"], value: string) => [{ valueType, default: value }];
  check("Shell", of("number", "12"), []);
  for (const wrong of ["1.5", "-1", "", "+1", "x"]) check("Shell", of("number", wrong), /is not a number/);
  check("Shell", of("data_source", "swift://x/y"), []);
  check("Shell", of("data_source", SOURCE), [SOURCE.replaceAll("-", "")]);
  check("Shell", of("data_source", "nope"), /neither the id of a data source nor a URL/);
});

const ARGUMENTS = [
  argument({ name: "A", location: "k" }),
  argument({ name: "B", mappingType: "params", location: "p", required: false, default: "dv" }),
  argument({ name: "N", mappingType: "args", location: "0", valueType: "number" }),
  argument({ name: "M", mappingType: "args", location: "1", required: false, default: "m" }),
];

function fill(
  values: Readonly<Record<string, SimpleValue>> | undefined,
  configs: JobConfigs,
  expected: RegExp | JobConfigs,
  args: readonly InterfaceArgument[] = ARGUMENTS,
) {
  const act = () => fillInterface(args, values, configs).configs;
  if (expected instanceof RegExp) expect(act).toThrow(expected);
  else expect(act()).toEqual(expected);
}

test("the values of a run, or their defaults, fall into their places before what was sent", () => {
  fill({ A: "1", N: "3" }, {}, { configs: { k: "1" }, params: { p: "dv" }, args: ["3", "m"] });
  fill(
    { A: "1", N: 3, M: true },
    { configs: { z: "y" }, args: ["tail"] },
    { configs: { z: "y", k: "1" }, params: { p: "dv" }, args: ["3", "true", "tail"] },
  );
  fill(
    { A: "1", N: "3" },
    { params: { p: "sent" } },
    { configs: { k: "1" }, params: { p: "sent" }, args: ["3", "m"] },
  );
  fill(
    { A: "1", N: "3" },
    { configs: { k: "1" } },
    { configs: { k: "1" }, params: { p: "dv" }, args: ["3", "m"] },
  );
});

test("values that do not fit the interface are refused", () => {
  fill(undefined, {}, /send an interface map/);
  fill({}, {}, /A is required; N is required/);
  fill({ A: "1", N: "x" }, {}, /N: "x" is not a number/);
  fill({ A: "1", N: "3", Q: "4" }, {}, /Q is not in the template's interface/);
  fill({ A: "1", N: "3" }, { configs: { k: "other" } }, /A differs from configs.k/);
});

test("a template without an interface takes no values, and an empty map", () => {
  fill(undefined, { args: ["x"] }, { args: ["x"] }, []);
  fill({}, { args: ["x"] }, { args: ["x"] }, []);
  fill({ zz: "1" }, {}, /zz is not in the template's interface/, []);
});

test("names that objects have by themselves are names like others", () => {
  const args = [argument({ name: "constructor", location: "__proto__" })];
  const { configs } = fillInterface(args, { constructor: "1" }, {});
  expect(JSON.stringify(configs)).toBe('{"configs":{"__proto__":"1"}}');
  fill({}, {}, /constructor is required/, args);
});
