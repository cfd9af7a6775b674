/** The expression language: operators, objects, parameters, refusals, bounds, and that nothing else is reached. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the language under test writes its parameters so.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lookupIn, worldOf } from "../../test/setup/expression-world.ts";
import { checkTemplate, holds, parseTemplate, readTemplate, render } from "./expression.ts";
import { OBJECTS } from "./expression-functions.ts";
import { plainValue } from "./expression-value.ts";
import type { World } from "./expression-world.ts";
import { Fault } from "./fault.ts";

const OUTPUT = '{"tables":[{"table_name":"orders","rows":3},{"table_name":"items"}],"__proto__":{"own":1}}';

const WORLD = worldOf({
  job: {
    name: "daily-sales",
    projectId: "p1",
    eventData: '{"key":"a/b.csv"}',
    obsNewFiles: ["obs://b/1", "obs://b/2"],
  },
  jobParameter: lookupIn({
    day: "20240106",
    twice: "#{DateUtil.addDays(Job.planTime, 1)}",
    table: "sales_${day}",
    both: "${table}-#{Job.name}",
    code: "#{1+1}",
    shell: "${HOME}/x",
    shadow: "job",
  }),
  environment: lookupIn({ region: "eu-west-0", shadow: "environment" }),
  scriptParameter: lookupIn({ top: "10", shadow: "script" }),
  nodeStatus: lookupStatus({ a: "success", b: "fail" }),
  nodeOutput: lookupIn({ get: OUTPUT, rows: '[["000"],["001"]]', text: "#{Job.name} ${day}" }),
  runningData: lookupIn({ cdm: "9 rows" }),
  insertJobId: (node) => (node === undefined ? "own-id" : `id-of-${node}`),
  calendar: (name) => (name === "always" ? () => true : name === "never" ? () => false : undefined),
  loop: {
    dataArray: plainValue([
      ["a", "1"],
      ["b", "2"],
    ]),
    current: plainValue(["b", "2"]),
    offset: 1,
  },
  obsPathExists: (path) => path === "obs://b/1",
});

function lookupStatus(table: Record<string, "success" | "fail">): World["nodeStatus"] {
  return (name) => (Object.hasOwn(table, name) ? table[name] : undefined);
}

function check(text: string, expected: string, world = WORLD): void {
  expect(render(readTemplate(text), world)).toBe(expected);
}

function faultOf(text: string, world = WORLD): Fault {
  try {
    render(readTemplate(text), world);
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error(`${text} was not refused`);
}

describe("operators", () => {
  test.each([
    ["1 + 2 * 3", "7"],
    ["(1 + 2) * 3", "9"],
    ["7 / 2", "3.5"],
    ["6 / 2", "3"],
    ["7 div 2", "3.5"],
    ["7 % 4", "3"],
    ["7 mod 4", "3"],
    ["-3 - -4", "1"],
    ["+'5' - 1", "4"],
    ["2 - 1 - 1", "0"],
    ["1.5e3", "1500"],
    [".5 + .25", "0.75"],
    ["'a' + 'b'", "ab"],
    ['"a" + 1', "a1"],
    ["1 + 'a'", "1a"],
    ["'x' + null", "x"],
    ["null + 1", "1"],
    ["'a' + Job.planTime", "a2024-01-06 01:30:00"],
    ["1 == 1.0", "true"],
    ["'1' == 1", "true"],
    ["1 eq 2", "false"],
    ["1 != 2", "true"],
    ["1 ne 1", "false"],
    ["null == null", "true"],
    ["null == ''", "false"],
    ["'true' == true", "true"],
    ["'a' == 'A'", "false"],
    ["Job.planTime == DateUtil.parseDate('2024-01-06 01:30', 'yyyy-MM-dd HH:mm')", "true"],
    ["JSONUtil.parse('[1]') == JSONUtil.parse('[1]')", "true"],
    ["1 < 2", "true"],
    ["2 lt 1", "false"],
    ["2 > 1", "true"],
    ["2 gt 3", "false"],
    ["2 <= 2", "true"],
    ["3 le 2", "false"],
    ["2 >= 3", "false"],
    ["2 ge 2", "true"],
    ["'10' < '9'", "true"],
    ["'10' < 9", "false"],
    ["Job.planTime < Job.startTime", "true"],
    ["null < 1", "false"],
    ["true && false", "false"],
    ["true and true", "true"],
    ["false || true", "true"],
    ["false or false", "false"],
    ["!true", "false"],
    ["not false", "true"],
    ["! empty 'x'", "true"],
    ["empty ''", "true"],
    ["empty null", "true"],
    ["empty JSONUtil.parse('[]')", "true"],
    ["empty JSONUtil.parse('{}')", "true"],
    ["empty 0", "false"],
    ["1 < 2 && 2 < 3 || false", "true"],
    ["true || 1 / 0 == 1", "true"],
    ["false && 1 / 0 == 1", "false"],
    ["1 > 2 ? 'a' : 'b'", "b"],
    ["true ? false ? 1 : 2 : 3", "2"],
    ["false ? 1 : true ? 2 : 3", "2"],
    ["1 + 1 == 2 ? 'two' : 'not'", "two"],
    ["true ? 'a' : 1 / 0", "a"],
    ["'it\\'s'", "it's"],
    ["'a\\\\b\\tc'", "a\\b\tc"],
    ['"a}b"', "a}b"],
    ["null", ""],
    ["true", "true"],
    ["100000000000000000000", "100000000000000000000"],
  ])("#{%s} is %s", (expression, expected) => check(`#{${expression}}`, expected));
});

const OBJECT_EXAMPLES: readonly (readonly [expression: string, result: string])[] = [
  ["Job.name", "daily-sales"],
  ["Job.projectId", "p1"],
  ["Job.planTime", "2024-01-06 01:30:00"],
  ["Job.startTime", "2024-01-06 01:30:04"],
  ["JSONUtil.path(Job.eventData, 'key')", "a/b.csv"],
  ["Job.trigger.obsNewFiles[1]", "obs://b/2"],
  ["Job.getNodeStatus('a')", "success"],
  ["Job.getNodeStatus('b') == \"fail\"", "true"],
  ["Job.getNodeStatus('unknown')", ""],
  ["Job.getNodeOutput('rows')", '[["000"],["001"]]'],
  ["Job.getNodeOutput('text')", "#{Job.name} ${day}"],
  ["Job.getNodeOutput('none') == null", "true"],
  ["JSONUtil.parse(Job.getNodeOutput('rows'))[1][0]", "001"],
  ["Job.getRunningData('cdm')", "9 rows"],
  ["Job.getInsertJobId()", "own-id"],
  ["Job.getInsertJobId('n1')", "id-of-n1"],
  ["Job.getParam('day')", "20240106"],
  ["Job.getParam('region') == null", "true"],
  ["Job.getPlanTime('yyyyMMddHH')", "2024010601"],
  ["Job.getPlanTime('yyyyw')", "20241"],
  ["Job.getYesterday('yyyyMMdd')", "20240105"],
  ["Job.getLastHour('yyyyMMddHH')", "2024010600"],
  ["Job.getPreviousWorkday(1, 'yyyyMMdd')", "20240105"],
  ["Job.getPreviousWorkday(6, 'yyyyMMdd')", "20231229"],
  ["Job.getPreviousNonWorkday(1, 'yyyyMMdd')", "20231231"],
  ["Job.getCalendarPreviousWorkday('always', 1, 'yyyyMMdd')", "20240105"],
  ["Job.getCalendarNextWorkday('always', 2, 'yyyyMMdd HH:mm')", "20240108 01:30"],
  ["Job.getCalendarPreviousNonWorkday('never', 3, 'yyyyMMdd')", "20240103"],
  ["Job.getCalendarNextNonWorkday('never', 1, 'yyyyMMdd')", "20240107"],
  ["DateUtil.format(DateUtil.addDays(Job.planTime, -1), 'yyyy-MM-dd')", "2024-01-05"],
  ["DateUtil.addMonths(DateUtil.parseDate('2024-01-31', 'yyyy-MM-dd'), 1)", "2024-02-29 00:00:00"],
  ["DateUtil.addMonths(Job.planTime, -13)", "2022-12-06 01:30:00"],
  ["DateUtil.addHours(Job.planTime, 23)", "2024-01-07 00:30:00"],
  ["DateUtil.addMinutes(Job.planTime, '30')", "2024-01-06 02:00:00"],
  ["DateUtil.getDay(Job.planTime)", "6"],
  ["DateUtil.getMonth(Job.planTime)", "1"],
  ["DateUtil.getQuarter(Job.planTime)", "1"],
  ["DateUtil.getYear(Job.planTime)", "2024"],
  ["DateUtil.now()", "2024-01-06 01:30:05"],
  ["DateUtil.getTime(Job.planTime)", "1704475800000"],
  ["StringUtil.substringAfter('a=b', '=')", "b"],
  ["JSONUtil.path(Job.getNodeOutput('get'), 'tables[0].table_name')", "orders"],
  ["JSONUtil.path(Job.getNodeOutput('get'), '$.tables.table_name')", '["orders","items"]'],
  ["JSONUtil.path(Job.getNodeOutput('get'), 'tables[-1][\"table_name\"]')", "items"],
  ["JSONUtil.path(Job.getNodeOutput('get'), 'nothing.here') == null", "true"],
  ["JSONUtil.parse('{\"a\": [1, true, null]}')", '{"a":[1,true,null]}'],
  ['JSONUtil.parse(\'{"a": {"b": 2}}\').a.b', "2"],
  ["JSONUtil.parse('{\"a\": 1}')['a']", "1"],
  ["JSONUtil.parse('[1]')[5] == null", "true"],
  ['JSONUtil.toString(JSONUtil.parse(\'{"k": "v"}\'))', '{"k":"v"}'],
  ["Loop.current[0]", "b"],
  ["Loop.dataArray[0][1]", "1"],
  ["Loop.offset + 1", "2"],
  ["OBSUtil.isExistOBSPath('obs://b/1')", "true"],
  ["Env.get('region')", "eu-west-0"],
  ["Env.get('day') == null", "true"],
];

test.each(OBJECT_EXAMPLES)("#{%s} is %s", (expression, expected) => check(`#{${expression}}`, expected));

/** Source: dataarts-factory 4.3. */
const DOCUMENTED =
  `Job.name Job.planTime Job.startTime Job.eventData Job.projectId Job.getNodeStatus Job.getNodeOutput
  Job.getParam Job.getPlanTime Job.getYesterday Job.getLastHour Job.getRunningData Job.getInsertJobId
  Job.getPreviousWorkday Job.getPreviousNonWorkday Job.getCalendarPreviousWorkday Job.getCalendarPreviousNonWorkday
  Job.getCalendarNextWorkday Job.getCalendarNextNonWorkday Job.trigger DateUtil.format DateUtil.addMonths
  DateUtil.addDays DateUtil.addHours DateUtil.addMinutes DateUtil.getDay DateUtil.getMonth DateUtil.getQuarter
  DateUtil.getYear DateUtil.now DateUtil.getTime DateUtil.parseDate StringUtil.substringAfter StringUtil.split
  StringUtil.getDigits JSONUtil.parse JSONUtil.toString JSONUtil.path Loop.dataArray Loop.current Loop.offset
  OBSUtil.isExistOBSPath Env.get`.split(/\s+/);

test("every documented member is there, there is none beside them, and each has an example above", () => {
  const members = [...OBJECTS].flatMap(([object, named]) =>
    [...named.keys()].map((name) => `${object}.${name}`),
  );
  expect(members).toEqual(expect.arrayContaining(DOCUMENTED));
  const others = members.filter((name) => !name.startsWith("StringUtil."));
  expect(DOCUMENTED).toEqual(expect.arrayContaining(others));
  const shown = OBJECT_EXAMPLES.map(([expression]) => expression).join(" ");
  expect(others.filter((name) => !new RegExp(`${name.replace(".", "[.]")}\\b`).test(shown))).toEqual([]);
});

test("a date moves by the clock on the wall by days, and by real time by hours", () => {
  const world = worldOf({ zone: "America/New_York", planTime: new Date("2024-03-09T17:00:00Z") });
  check("#{DateUtil.addDays(Job.planTime, 1)}", "2024-03-10 12:00:00", world);
  check("#{DateUtil.addHours(Job.planTime, 24)}", "2024-03-10 13:00:00", world);
});

describe("text and parameters", () => {
  test.each([
    ["plain", "plain"],
    ["", ""],
    ["a #{1} b #{2} c", "a 1 b 2 c"],
    ["#{1}#{2}", "12"],
    ['dt=#{Job.getPlanTime("yyyy")}/${day}', "dt=2024/20240106"],
    ["${shadow}", "job"],
    ["${region} ${top}", "eu-west-0 10"],
    ["${unknown} ${HOME:-x} $day $(date) ${#list[@]}", "${unknown} ${HOME:-x} $day $(date) ${#list[@]}"],
    ["\\${day}", "\\${day}"],
    ["\\#{day} #{1}", "#{day} 1"],
    ["# {x} #x} }", "# {x} #x} }"],
    ["${table}", "sales_20240106"],
    ["${both}", "sales_20240106-daily-sales"],
    ["${twice}", "2024-01-07 01:30:00"],
    ["${shell}", "${HOME}/x"],
    ["#{${top} * 2}", "20"],
    ["#{Job.getParam('code')}", "2"],
    ["#{'<${day}> ${unknown} \\\\${day}'}", "<20240106> ${unknown} \\${day}"],
    ["#{'#{1+1}'}", "#{1+1}"],
  ])("%j renders as %j", (text, expected) => check(text, expected));

  test("what an expression gives is data and is not read again", () => {
    const world = worldOf({
      nodeOutput: () => "#{Job.name} ${secret}",
      jobParameter: lookupIn({ secret: "s", out: "#{Job.getNodeOutput('n')}" }),
    });
    check("#{Job.getNodeOutput('n')}|${out}", "#{Job.name} ${secret}|#{Job.name} ${secret}", world);
  });

  test("parameters that name each other are refused with the circle", () => {
    const world = worldOf({ jobParameter: lookupIn({ a: "${b}", b: "#{Job.getParam('a')}" }) });
    expect(faultOf("${a}", world).message).toContain("parameters name each other: a -> b -> a");
    const self = worldOf({ jobParameter: lookupIn({ path: "${path}:/bin" }) });
    expect(faultOf("x ${path}", self).message).toContain("path -> path");
  });

  test("a chain of parameters has a bound, and a wide one has too", () => {
    const chain = worldOf({ jobParameter: (name) => `\${${name}x}` });
    expect(faultOf("${a}", chain).message).toContain("more than 8 deep");
    const wide = worldOf({ jobParameter: (name) => (name.length > 7 ? "z" : `\${${name}x}`.repeat(50)) });
    expect(faultOf("${a}", wide).message).toContain("needs more than");
  });

  test("a parameter that cannot be read is named", () => {
    const world = worldOf({ jobParameter: lookupIn({ bad: "12 #{1 +}" }) });
    expect(faultOf("${bad}", world).message).toBe(
      "expression at character 9 in parameter bad: the expression ends where a value is missing",
    );
  });
});

describe("refusals when saved", () => {
  test.each([
    ["#{", 2, "does not end"],
    ["#{1", 3, "} is missing"],
    ["#{}", 2, "is empty"],
    ["#{ 1 + }", 7, "a value is missing"],
    ["#{1 2}", 4, 'unexpected "2"'],
    ["#{'abc}", 2, "does not end"],
    ["#{a b}", 4, 'unexpected "b"'],
    ["#{(1}", 4, ") expected"],
    ["#{1 ? 2}", 7, ": expected"],
    ["#{1 = 1}", 4, 'unexpected character "="'],
    ["#{1 & 1}", 4, 'unexpected character "&"'],
    ["#{Job.}", 6, "a name is missing"],
    ["#{JSONUtil.parse('1')[}", 22, "a value is missing"],
    ["#{StringUtil.trim('a',)}", 22, "unexpected"],
    ["ab #{nope}", 5, 'there is no object "nope"'],
    ["#{Job}", 2, "a member is missing"],
    ["#{Job.nope}", 6, 'Job has no "nope"'],
    ["#{Job.nope()}", 6, 'Job has no "nope"'],
    ["#{Job.name()}", 6, "Job.name is no function"],
    ["#{DateUtil.now}", 11, "brackets are missing"],
    ["#{DateUtil.format(1)}", 11, "takes 2 arguments, not 1"],
    ["#{StringUtil.split()}", 13, "takes 1 to 3 arguments, not 0"],
    ["#{Job.name.length()}", 11, "values have no functions"],
    ["#{'a'.concat('b')}", 6, "values have no functions"],
    ["#{x.y.z}", 2, "there is no object"],
    ["#{Job.getParam(who)}", 15, 'there is no object "who"'],
    ["#{this}", 2, "there is no object"],
    ["#{constructor}", 2, "there is no object"],
    ["#{Job.constructor}", 6, 'Job has no "constructor"'],
    ["#{Job.__proto__}", 6, 'Job has no "__proto__"'],
    ["#{Job.name.constructor('x')}", 11, "values have no functions"],
    [`#{${"(".repeat(100)}1${")".repeat(100)}}`, 66, "deeper than 64"],
    [`#{${"!".repeat(100)}true}`, 66, "deeper than 64"],
    [`#{Job${".a".repeat(100)}}`, 133, "more than 64 members"],
    [`#{1${"+1".repeat(1500)}}`, 2002, "more than 2000 words"],
  ])("%j at %i: %s", (text, position, cause) => {
    const template = parseTemplate(text);
    expect(template).toHaveProperty("problems");
    if ("problems" in template) {
      expect(template.problems[0]).toMatchObject({ position, cause: expect.stringContaining(cause) });
    }
    expect(checkTemplate(text)[0]).toContain(`expression at character ${position + 1}: `);
  });

  test("all problems of a text are told, up to a bound", () => {
    expect(checkTemplate("#{a} #{1 +} #{Job.name} #{b}")).toHaveLength(3);
    expect(checkTemplate("#{a}".repeat(100))).toHaveLength(20);
    expect(checkTemplate("fine #{Job.name} ${x}")).toEqual([]);
    expect(() => readTemplate("#{a} #{b}")).toThrow(Fault);
  });

  test("a million openings without end are refused at once", () => {
    expect(checkTemplate("#{'".repeat(1_000_000))).toHaveLength(20);
  });
});

describe("refusals when run", () => {
  test.each([
    ["#{1 / 0}", 5, "division by zero"],
    ["#{1 % 0}", 5, "division by zero"],
    ["#{9e300 * 9e300}", 9, "too large"],
    ["x #{'a' * 2}", 9, 'a number is wanted, not the text "a"'],
    ["#{-'a'}", 3, "a number is wanted"],
    ["#{1 && true}", 5, "true or false is wanted, not a number"],
    ["#{Job.planTime * 2}", 16, "a number is wanted, not a date"],
    ["#{DateUtil.format('2024', 'yyyy')}", 12, "a date is wanted, not text"],
    ["#{DateUtil.format(Job.planTime, 'QQ')}", 12, "no letter of date patterns"],
    ["#{DateUtil.parseDate('x', 'yyyy')}", 12, "does not fit"],
    ["#{DateUtil.addDays(Job.planTime, 99999999)}", 12, "beyond the year"],
    ["#{DateUtil.addMinutes(Job.planTime, 5999999999)}", 12, "beyond the year"],
    ["#{DateUtil.addMonths(Job.planTime, 1e300)}", 12, "a whole number is wanted"],
    ["#{DateUtil.addDays(Job.planTime, 1.5)}", 12, "a whole number is wanted"],
    ["#{JSONUtil.parse('{')}", 12, "not JSON"],
    ["#{JSONUtil.path('{}', '..')}", 12, "is no path"],
    ["#{JSONUtil.parse('[1]')['x']}", 24, "asked by a whole number"],
    ["#{Job.name.length}", 12, "text has no members"],
    ["#{Job.getPreviousWorkday(0, 'yyyy')}", 7, "a count of days is 1 to"],
    ["#{Job.getCalendarNextWorkday('gone', 1, 'yyyy')}", 7, 'no calendar "gone"'],
    ["#{Job.getCalendarNextWorkday('never', 1, 'yyyy')}", 7, "no such day"],
    ["#{${gone}}", 3, 'there is no parameter "gone"'],
  ])("%s at character %i: %s", (text, position, cause) => {
    const fault = faultOf(text);
    expect(fault).toMatchObject({ kind: "invalid", code: "expression-invalid" });
    expect(fault.message).toContain(`expression at character ${position}: `);
    expect(fault.message).toContain(cause);
  });

  test("what a world lacks is said", () => {
    expect(faultOf("#{Loop.offset}", worldOf()).message).toContain("only inside a ForEach");
    expect(faultOf("#{OBSUtil.isExistOBSPath('obs://x')}", worldOf()).message).toContain(
      "cannot look into the object store",
    );
  });
});

test("a condition holds when it is true, and must be true or false", () => {
  const check = (text: string, expected: boolean) => expect(holds(text, WORLD)).toBe(expected);
  check("#{Job.getNodeStatus('a') == 'success'}", true);
  check(" #{Job.getNodeStatus('b') == 'success'} ", false);
  check("#{'TRUE'}", true);
  check("true", true);
  check("#{1 == 1}#{''}", true);
  check("#{null}", false);
  check("", true);
  expect(() => holds("#{Job.getNodeStatus('a')}", WORLD)).toThrow('neither true nor false: "success"');
  expect(() => holds("#{1 +}", WORLD)).toThrow("a value is missing");
});

test("any text without marks is kept as it is", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      fc.pre(!text.includes("#{") && !text.includes("${"));
      check(text, text);
    }),
    { numRuns: 500, seed: 1 },
  );
});

test("a text literal gives what is between its quotes", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      fc.pre(!text.includes("${"));
      const literal = text.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
      check(`<#{'${literal}'}>`, `<${text}>`);
    }),
    { numRuns: 500, seed: 2 },
  );
});

test("whole numbers are reckoned as JavaScript does and written without a point", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer(), (a, b) => {
      check(`#{${a} + ${b}} #{${a} - (${b})} #{${a} < ${b}}`, `${a + b} ${a - b} ${a < b}`);
    }),
    { numRuns: 300, seed: 6 },
  );
});
