/** The types that a job template may have. */

/** The types of the reference, in its order; the only ones that the catalogue of types lists. */
export const LISTED_JOB_TYPES = [
  "Hive",
  "Java",
  "MapReduce",
  "MapReduce.Streaming",
  "Pig",
  "Shell",
  "Spark",
  "Storm",
  "Storm.Pyleus",
] as const;

/** Every type that a template may have: the reference's, and the vendor's. Source: mrs-v1.1 4. */
export const JOB_TYPES = [...LISTED_JOB_TYPES, "DistCp", "Flink", "SparkScript", "SparkSql", "hql"] as const;
export type JobType = (typeof JOB_TYPES)[number];
