/** A part of a list: by record number (Factory) or after a known row (Sahara). */

/** Records `offset` to `offset + limit - 1` of a list. */
export interface Page {
  readonly offset: number;
  readonly limit: number;
}

/** Rows after the row `marker` in sort order; without a limit, all of them. */
export interface MarkerPage {
  readonly marker?: string;
  readonly limit?: number;
}

/** What a marker page answers about its neighbours (mrs-v1.1 3). */
export interface Markers {
  readonly prev: string | null;
  readonly next: string | null;
}
