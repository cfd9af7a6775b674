/** Node types that DataArts knows and this server cannot run yet: what each would need. */

/** Source: product 5. */
const NEEDS: Readonly<Record<string, string>> = {
  HetuEngineSQL: "a Trino cluster",
  MRSHetuEngine: "a Trino cluster",
  CloudTableManager: "an HBase cluster",
  DISTransferTask: "a data ingestion service",
};

/** Why a node of that type fails at once. */
export function missingOperator(type: string): string {
  return `This server cannot run nodes of type "${type}": it would need ${NEEDS[type] ?? "an operator for that type"}.`;
}
