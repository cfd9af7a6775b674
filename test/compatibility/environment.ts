/** A workspace's variables by the SDK of v2. */
import { expect } from "vitest";
import { OK, type Play, type Stage } from "./play.ts";

async function replaceEnvironment({ call, refusal }: Stage): Promise<void> {
  const params = [
    { name: "a", type: "variable", value: "1", desc: "d" },
    { name: "b", type: "constant", value: "日报", desc: "" },
  ];
  for (const [place, given] of [params, params.slice(1)].entries()) {
    const answer = await call("create_factory_env", { body: { params: given } });
    // The SDK takes the HTTP status for the member `status_code`.
    expect(answer, String(place)).toEqual({ ...OK, status_code: 200, is_success: true });
    expect(await call("show_factory_env")).toEqual({ ...OK, params: given });
  }
  expect(
    await refusal("create_factory_env", { body: { params: [{ name: "a b", value: "1" }] } }),
  ).toMatchObject({ status: 400, code: "DLF.3051" });
}

export const environmentPlays: readonly Play[] = [
  { sdk: "dataartsstudio", about: "replaces a workspace's variables", perform: replaceEnvironment },
];
