/** What a run of a job template is configured with. Source: sahara-v1.1 6. */

export type SimpleValue = string | number | boolean;

export interface JobConfigs {
  readonly configs?: Readonly<Record<string, SimpleValue>>;
  readonly params?: Readonly<Record<string, SimpleValue>>;
  readonly args?: readonly string[];
}

/** Config that names the class to run, for Java and Spark. */
export const MAIN_CLASS = "edp.java.main_class";
/** Config with Java's own options. */
export const JAVA_OPTIONS = "edp.java.java_opts";
