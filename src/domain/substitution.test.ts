import { expect, test } from "vitest";
import type { DataSource } from "./data-source.ts";
import type { JobConfigs } from "./job-configs.ts";
import { findReferences, substituteReferences } from "./substitution.ts";

const ID = "aaaaaaaaaaaa4aaaaaaaaaaaaaaaaaaa";
const DASHED = "aaaaaaaa-aaaa-4aaa-aaaa-aaaaaaaaaaaa";
const BY_NAME = "edp.substitute_data_source_for_name";
const BY_ID = "edp.substitute_data_source_for_uuid";

const words: DataSource = {
  id: ID,
  projectId: "p",
  name: "words",
  description: null,
  type: "obs",
  url: "obs://bucket/words",
  isPublic: false,
  isProtected: false,
  createdAt: new Date(0),
  updatedAt: null,
};

function check(configs: JobConfigs, always: readonly string[], expected: JobConfigs): void {
  expect(substituteReferences(configs, always, [words], ({ url }) => url)).toEqual(expected);
}

test("a name becomes the address where the run's switch says so, wherever it stands as a whole", () => {
  const named: JobConfigs = {
    configs: { [BY_NAME]: true, where: "datasource://words", deep: "x datasource://words", count: 3 },
    params: { input: "datasource://words" },
    args: ["datasource://words", "datasource://none", "datasource://"],
  };
  check(named, [], {
    configs: { [BY_NAME]: true, where: "obs://bucket/words", deep: "x datasource://words", count: 3 },
    params: { input: "obs://bucket/words" },
    args: ["obs://bucket/words", "datasource://none", "datasource://"],
  });
  expect(findReferences(named, []).names).toEqual(["words", "none"]);
});

test("nothing is replaced without its switch, and a text True switches as well", () => {
  check({ args: ["datasource://words", DASHED] }, [], { args: ["datasource://words", DASHED] });
  check({ configs: { [BY_ID]: "True" }, args: [DASHED, "datasource://words"] }, [], {
    configs: { [BY_ID]: "True" },
    args: ["obs://bucket/words", "datasource://words"],
  });
  check({ configs: { [BY_ID]: false }, args: [DASHED] }, [], { configs: { [BY_ID]: false }, args: [DASHED] });
});

test("an id that the interface calls a data source needs no switch", () => {
  check({ configs: { place: DASHED } }, [ID], { configs: { place: "obs://bucket/words" } });
  expect(findReferences({ configs: { place: DASHED } }, [ID])).toEqual({ names: [], ids: [ID] });
});
