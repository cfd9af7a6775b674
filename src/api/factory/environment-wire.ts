/** A workspace's environment as DataArts Factory v2 writes it (dataarts-factory 5, `F/env`). */
import { type Static, Type } from "typebox";
import { PARAMETER_NAME } from "../../domain/job.ts";
import {
  ENVIRONMENT_DESCRIPTION_MAX,
  ENVIRONMENT_VALUE_MAX,
  ENVIRONMENT_VARIABLES_MAX,
  type EnvironmentVariable,
} from "../../domain/project.ts";
import { readBody } from "./request-wire.ts";

const Kind = Type.Enum(["variable", "constant"]);

/** What a workspace is given; it takes the place of all that it had. */
export const EnvironmentBody = Type.Object({
  params: Type.Array(
    Type.Object({
      name: Type.String({ pattern: PARAMETER_NAME.source, description: "No other variable has it." }),
      type: Type.Optional(Kind),
      value: Type.Optional(Type.String({ maxLength: ENVIRONMENT_VALUE_MAX })),
      desc: Type.Optional(Type.String({ maxLength: ENVIRONMENT_DESCRIPTION_MAX })),
    }),
    { maxItems: ENVIRONMENT_VARIABLES_MAX },
  ),
});

/** What a workspace has, in the order in which it was given. */
export const Environment = Type.Object({
  params: Type.Array(
    Type.Object({ name: Type.String(), type: Kind, value: Type.String(), desc: Type.String() }),
  ),
});

/** Of a save; the vendor's `status_code` beside it says nothing that the status does not. */
export const EnvironmentSaved = Type.Object({ is_success: Type.Boolean() });

/** Raises `request-invalid` with every problem. */
export function decodeEnvironment(body: unknown): EnvironmentVariable[] {
  const { params } = readBody(EnvironmentBody, body);
  return params.map(({ name, type, value = "", desc: description = "" }) => ({
    name,
    value,
    constant: type === "constant",
    description,
  }));
}

export function encodeEnvironment(variables: readonly EnvironmentVariable[]): Static<typeof Environment> {
  return {
    params: variables.map(({ name, value, constant, description: desc }) => ({
      name,
      type: constant ? "constant" : "variable",
      value,
      desc,
    })),
  };
}
