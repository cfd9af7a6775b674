/** After each test file: what it left open is closed. */
import { afterAll } from "vitest";
import { closeTestDatabases } from "./postgres.ts";

afterAll(closeTestDatabases);
