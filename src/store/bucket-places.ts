/** Which buckets of a project lie at S3 endpoints, and which connection leads there. */
import { type Database, execute, query } from "./database.ts";

/** A connection by its name, which is unique in its workspace. */
export interface PlacedBucket {
  readonly workspaceId: string;
  readonly connection: string;
}

/** Where the bucket lies; undefined for one of the server's own. */
export async function findBucketPlace(
  db: Database,
  projectId: string,
  bucket: string,
): Promise<PlacedBucket | undefined> {
  const rows = await query<PlacedBucket>(
    db,
    "find-bucket-place",
    `select c.workspace_id as "workspaceId", c.name as connection
     from bucket_place p join connection c on c.project_id = p.project_id and c.id = p.connection_id
     where p.project_id = $1 and p.bucket = $2`,
    [projectId, bucket],
  );
  return rows[0];
}

/** In a transaction: these buckets, and no others, lie where the connection leads; gives those that are another's already. */
export async function putBucketPlaces(
  db: Database,
  { projectId, connectionId }: { readonly projectId: string; readonly connectionId: number },
  buckets: readonly string[],
): Promise<readonly string[]> {
  const values = [projectId, connectionId, buckets];
  await execute(
    db,
    "delete-bucket-places",
    "delete from bucket_place where project_id = $1 and connection_id = $2 and bucket <> all ($3)",
    values,
  );
  await execute(
    db,
    "insert-bucket-places",
    `insert into bucket_place (project_id, connection_id, bucket) select $1, $2, unnest($3::text[])
     on conflict (project_id, bucket) do nothing`,
    values,
  );
  const taken = await query<{ readonly bucket: string }>(
    db,
    "list-taken-buckets",
    `select bucket from bucket_place where project_id = $1 and connection_id <> $2 and bucket = any ($3)
     order by bucket`,
    values,
  );
  return taken.map(({ bucket }) => bucket);
}
