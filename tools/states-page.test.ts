import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { drawStatesPage, STATES_PAGE } from "./states-page.ts";

test("the page of states shows the machines as they are", () => {
  expect(readFileSync(STATES_PAGE, "utf8")).toBe(drawStatesPage());
});
