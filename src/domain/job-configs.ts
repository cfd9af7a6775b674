/** What a run of a job template is configured with. Source: sahara-v1.1 6. */

export type SimpleValue = string | number | boolean;

export interface JobConfigs {
  readonly configs?: Readonly<Record<string, SimpleValue>>;
  readonly params?: Readonly<Record<string, SimpleValue>>;
  readonly args?: readonly string[];
}
