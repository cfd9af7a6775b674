/** Members that connections of several types have in common. */
import { Fault } from "../domain/fault.ts";
import type { WorkConnection } from "./operator.ts";

/** A switch, written as a truth value or as its name. */
export function isOn(value: unknown): boolean {
  return value === true || value === "true";
}

/**
 * `caCertificate`: what the other side's certificate must be signed by, as PEM; undefined where the connection has none.
 * @throws Fault `reference-invalid` for a text that is no certificate.
 */
export function caOf({ config }: WorkConnection): string | undefined {
  const { caCertificate } = config;
  if (caCertificate === undefined || caCertificate === "") return undefined;
  const text = String(caCertificate);
  if (/^-----BEGIN CERTIFICATE-----$/m.test(text)) return text;
  return refuseConnection("caCertificate must be a certificate as PEM text.");
}

/** @throws Fault `reference-invalid`, always. */
export function refuseConnection(message: string): never {
  throw new Fault("invalid", "reference-invalid", message);
}
