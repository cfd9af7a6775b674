/** What can go wrong on purpose: a fault has a kind, a stable code, and a message that the caller may read. */

/** The kinds of fault; each face maps a kind to its own status and body. */
export type FaultKind =
  | "invalid"
  | "not-found"
  | "conflict"
  | "unauthenticated"
  | "forbidden"
  | "too-large"
  | "unsupported"
  | "unavailable";

/** A refusal that inner rooms raise and faces translate. The message is written for the caller. */
export class Fault extends Error {
  readonly kind: FaultKind;
  /** From the catalogue of codes, e.g. `job-missing`; what a face keys its own code on. */
  readonly code: FaultCode;
  /** Every single problem, when a check found several. */
  readonly problems: readonly string[];

  constructor(
    kind: FaultKind,
    code: FaultCode,
    message: string,
    options: { problems?: readonly string[]; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Fault";
    this.kind = kind;
    this.code = code;
    this.problems = options.problems ?? [];
  }
}

/**
 * The one catalogue of fault codes. `<thing>-missing` is not-found, `<thing>-exists` a name that is taken,
 * `<thing>-invalid` a value against its rule, `<thing>-in-use` a delete that something still refers to.
 */
export type FaultCode =
  | "credentials-refused"
  | "role-missing"
  | "request-invalid"
  | "body-unreadable"
  | "body-too-large"
  | "content-type-unsupported"
  | "route-missing"
  | "method-refused"
  | "server-unavailable"
  /** Nothing is wrong with the request, and the same one may pass a moment later. */
  | "server-busy"
  | "project-missing"
  | "project-exists"
  | "user-missing"
  | "user-exists"
  | "role-unknown"
  | "access-key-missing"
  | "access-key-limit"
  | "token-missing"
  | "service-missing"
  | "identity-domain-missing"
  | "workspace-missing"
  | "workspace-limit"
  | "workspace-exists"
  | "workspace-member-missing"
  | "job-missing"
  | "job-exists"
  | "job-limit"
  | "job-name-missing"
  | "job-name-invalid"
  | "job-kind-invalid"
  | "job-without-nodes"
  | "job-description-invalid"
  | "job-invalid"
  | "schedule-invalid"
  | "node-missing"
  | "node-state"
  | "calendar-missing"
  | "calendar-invalid"
  | "freeze-missing"
  | "freeze-invalid"
  | "event-source-missing"
  | "event-source-state"
  | "backfill-missing"
  | "backfill-exists"
  | "backfill-invalid"
  | "backfill-range-invalid"
  | "backfill-job-missing"
  | "backfill-schedule-missing"
  | "backfill-overlaps"
  | "backfill-state"
  | "limit-missing"
  | "instance-missing"
  | "instance-state"
  | "node-missing"
  | "node-state"
  | "resource-missing"
  | "resource-exists"
  | "resource-type-invalid"
  | "resource-location-invalid"
  | "resource-description-invalid"
  | "resource-invalid"
  | "release-package-missing"
  | "package-invalid"
  | "storage-path-invalid"
  | "storage-file-unreadable"
  /** Where a bucket lies nobody answers, or not to this connection. */
  | "storage-unavailable"
  | "bucket-missing"
  | "task-missing"
  | "script-missing"
  | "script-exists"
  | "script-run-missing"
  | "script-type-missing"
  | "script-invalid"
  | "connection-missing"
  | "connection-exists"
  | "connection-limit"
  | "connection-type-fixed"
  | "connection-address-missing"
  | "connection-invalid"
  | "connection-unreachable"
  | "job-template-missing"
  | "job-template-exists"
  | "job-template-invalid"
  | "job-template-mains-empty"
  | "job-template-libs-empty"
  | "job-binary-missing"
  | "job-binary-exists"
  | "job-binary-invalid"
  | "job-binary-unusable"
  | "stored-file-missing"
  | "stored-file-exists"
  | "data-source-missing"
  | "data-source-exists"
  | "data-source-invalid"
  | "data-source-credentials-invalid"
  | "job-execution-missing"
  | "job-execution-invalid"
  | "job-execution-status-invalid"
  /** A time of a scheduled run that has passed. */
  | "job-execution-info-invalid"
  | "run-jar-missing"
  | "run-script-missing"
  | "run-unfinished"
  | "run-result-none"
  | "cluster-template-missing"
  | "cluster-template-exists"
  | "plugin-missing"
  | "image-missing"
  | "job-type-missing"
  | "page-invalid"
  | "reply-type-unsupported"
  | "api-version-invalid"
  | "api-version-unsupported"
  | "query-unknown"
  | "operation-unsupported"
  | "cluster-missing"
  | "cluster-invalid"
  | "cluster-exists"
  | "cluster-in-use"
  /** Nobody answered there: the same may pass later. */
  | "cluster-unreachable"
  | "cluster-login-refused"
  /** The cluster has no service that could do this. */
  | "cluster-service-missing"
  /** The cluster will never take this piece of work. */
  | "submission-refused"
  | "suspend-unsupported"
  | "api-version-invalid"
  | "api-version-unsupported"
  | "reference-invalid"
  | "object-in-use"
  | "object-protected"
  | "object-foreign"
  | "topic-missing"
  | "topic-exists"
  | "topic-limit"
  | "topic-invalid"
  | "notice-invalid"
  | "alarm-rule-missing"
  | "alarm-rule-limit"
  | "alarm-rule-invalid"
  | "expression-invalid"
  | "engine-missing";

/** Raises a not-found fault; for use at the end of a `find`. */
export function missing(code: FaultCode, message: string): never {
  throw new Fault("not-found", code, message);
}

/** Raises an invalid fault that carries every problem found. */
export function invalid(code: FaultCode, problems: readonly string[]): never {
  throw new Fault("invalid", code, problems.join("; "), { problems });
}
