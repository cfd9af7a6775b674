/** Release packages, pending items and approvals as DataArts Factory v2 asks for them (dataarts-factory 5). */
import { Type } from "typebox";
import { invalid, missing } from "../../domain/fault.ts";
import { pageMembers, readBody } from "./request-wire.ts";
import { Milliseconds } from "./time-wire.ts";

const LIMIT_MAX = 100;
const TEXT_MAX = 256;
const NAMES_MAX = 100;

const Text = Type.Optional(Type.String({ maxLength: TEXT_MAX }));
const Time = Type.Optional(Milliseconds);
const Names = Type.Optional(Type.Array(Type.String({ maxLength: TEXT_MAX }), { maxItems: NAMES_MAX }));
/** Of packages or items: without review there are none. */
const Ids = Type.Array(Type.String({ maxLength: TEXT_MAX }), { minItems: 1, maxItems: NAMES_MAX });
const Nothing = Type.Array(Type.Object({}), { maxItems: 0 });

/** Which packages a list would show. */
export const PackageFilter = Type.Object({
  key_word: Text,
  apply_user_name: Text,
  deploy_user_name: Text,
  apply_begin_time: Time,
  apply_end_time: Time,
  deploy_begin_time: Time,
  deploy_end_time: Time,
  apply_user_name_filter: Names,
  deploy_user_name_filter: Names,
  deploy_status_filter: Type.Optional(Type.Array(Type.Integer(), { maxItems: NAMES_MAX })),
  sorted_direction: Text,
  order_column: Text,
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMIT_MAX })),
  offset: Type.Optional(Type.Integer({ minimum: 0, maximum: 2_147_483_647 })),
});

export const EmptyList = Type.Object({ data: Nothing, total: Type.Literal(0) });

export const DeployBody = Type.Object({
  package_ids: Ids,
  startup_mode: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
});

export const UnpackBody = Type.Object({ package_ids: Ids });

export const PackItemsBody = Type.Object({
  apply_user_id: Type.String({ maxLength: TEXT_MAX }),
  package_name: Type.String({ minLength: 1, maxLength: TEXT_MAX }),
  pending_item_list: Ids,
  approver_ids: Ids,
});

export const PendingItemsQuery = Type.Object({
  submit_user_name: Text,
  item_name: Text,
  update_type: Text,
  task_type: Text,
  start_time: Text,
  end_time: Text,
  ...pageMembers(LIMIT_MAX),
});

export const ApprovalsQuery = Type.Object({
  begin_time: Time,
  end_time: Time,
  status: Text,
  type: Text,
  apply_id: Text,
  approver_name: Text,
  create_user: Text,
  object_name: Text,
  object_type: Text,
  ...pageMembers(LIMIT_MAX),
});

export const EmptyApprovals = Type.Object({ job_apply_search_list: Nothing, total: Type.Literal(0) });

/** Raises `request-invalid` for a body that no list could be asked for with. */
export function checkPackageFilter(body: unknown): void {
  readBody(PackageFilter, body);
}

/** Raises `request-invalid` for a wrong body, else `release-package-missing`. */
export function refusePackages(schema: typeof DeployBody | typeof UnpackBody, body: unknown): never {
  const { package_ids: ids } = readBody(schema, body);
  return refusePackage(ids[0] ?? "");
}

export function refusePackage(id: string): never {
  return missing(
    "release-package-missing",
    `there is no release package "${id}": jobs are not reviewed here`,
  );
}

/** Raises `request-invalid`: there are no items that could be packed. */
export function refuseItems(body: unknown): never {
  const { pending_item_list: items } = readBody(PackItemsBody, body);
  return invalid(
    "request-invalid",
    items.map((item) => `pending_item_list: there is no pending item "${item}"`),
  );
}
