/** A workspace's environment as DataArts Factory v2 writes it (dataarts-factory 5, `F/env`). */
import { type Static, Type } from "typebox";
import { invalid } from "../../domain/fault.ts";
import type { EnvironmentVariable } from "../../domain/project.ts";
import { checkSchema } from "../check-schema.ts";
import { objectBody, type WireObject, withoutNulls } from "./request-wire.ts";

const EnvironmentBody = Type.Object({
  params: Type.Array(
    Type.Object({
      name: Type.String(),
      type: Type.Optional(Type.Enum(["variable", "constant"])),
      value: Type.Optional(Type.String()),
      desc: Type.Optional(Type.String()),
    }),
  ),
});

/** Raises `request-invalid` with every problem. */
export function decodeEnvironment(body: unknown): EnvironmentVariable[] {
  const given = withoutNulls(objectBody(body));
  const problems = checkSchema(EnvironmentBody, given);
  if (problems.length > 0) invalid("request-invalid", problems);
  const { params } = given as Static<typeof EnvironmentBody>; // The schema has just been held against it.
  return params.map(({ name, type, value = "", desc: description = "" }) => ({
    name,
    value,
    constant: type === "constant",
    description,
  }));
}

export function encodeEnvironment(variables: readonly EnvironmentVariable[]): WireObject {
  const params = variables.map(({ name, value, constant, description: desc }) => ({
    name,
    type: constant ? "constant" : "variable",
    value,
    desc,
  }));
  return { params };
}
