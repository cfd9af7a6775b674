/** Workspaces with members: what callers may do in them, and how that changes. */
import { expect, test } from "vitest";
import { identityWorld } from "../../test/setup/identity.ts";
import { type Caller, type Role, roleIn } from "../domain/user.ts";
import { insertWorkspace } from "../store/workspaces.ts";
import { authenticateCaller } from "./access.ts";
import { deleteUser } from "./users.ts";
import { removeWorkspaceMember, reopenWorkspace, setWorkspaceMember } from "./workspaces.ts";

async function setup() {
  const world = await identityWorld();
  const { identity, home, user, token } = world;
  const now = identity.now();
  for (const workspaceId of ["shop", "lab"])
    await insertWorkspace(identity.pool, { projectId: home.id, workspaceId }, { now, limit: 10 });
  const [ada, bob, root] = [
    await user("ada", home, "reader"),
    await user("bob", home, "member"),
    await user("chief", home, "manager"),
  ];
  const by = { projectId: home.id, userName: "chief" };
  const tokens = new Map<string, string>();
  const callerOf = async (who: typeof ada): Promise<Caller> => {
    const text = tokens.get(who.id) ?? (await token(who, home));
    tokens.set(who.id, text);
    const rawHeaders = ["x-auth-token", text];
    const request = { method: "GET", rawTarget: "/", rawHeaders, bodySha256: "", address: "::1" };
    return await authenticateCaller(identity, request, home.id);
  };
  const roles = async (workspaceId: string) => {
    const callers = await Promise.all([ada, bob, root].map(callerOf));
    return callers.map((caller) => roleIn(caller, workspaceId));
  };
  const set = (workspaceId: string, userId: string, role: Role) =>
    setWorkspaceMember(identity, by, { workspaceId, userId, role });
  return { ...world, ada, bob, by, roles, set };
}

test("an open workspace takes everybody's role in the project; a closed one that of its members, and managers'", async () => {
  const { roles, set, ada } = await setup();
  expect(await roles("shop")).toEqual(["reader", "member", "manager"]);
  await set("shop", ada.id, "member");
  expect(await roles("shop")).toEqual(["member", undefined, "manager"]);
  expect(await roles("lab")).toEqual(["reader", "member", "manager"]);
  await set("shop", ada.id, "manager");
  expect(await roles("shop")).toEqual(["manager", undefined, "manager"]);
});

test("a workspace stays closed when its last member is taken away or deleted, until it is opened", async () => {
  const { identity, roles, set, ada, bob, by } = await setup();
  await set("shop", bob.id, "reader");
  await removeWorkspaceMember(identity, by, { workspaceId: "shop", userId: bob.id });
  expect(await roles("shop")).toEqual([undefined, undefined, "manager"]);
  await reopenWorkspace(identity, by, "shop");
  expect(await roles("shop")).toEqual(["reader", "member", "manager"]);
  const { rows } = await identity.pool.query("select act, detail from act order by id");
  expect(rows).toEqual([
    { act: "set-member", detail: { userId: bob.id, role: "reader" } },
    { act: "remove-member", detail: { userId: bob.id } },
    { act: "open", detail: {} },
  ]);
  await set("lab", ada.id, "manager");
  await deleteUser(identity, ada.id);
  const state = await identity.pool.query(
    "select closed, (select count(*) from workspace_member)::int as members from workspace where id = 'lab'",
  );
  expect(state.rows).toEqual([{ closed: true, members: 0 }]);
});

test("who or what is not there is said, and nothing is closed", async () => {
  const { identity, roles, set, ada, by, foreign } = await setup();
  await expect(set("none", ada.id, "member")).rejects.toMatchObject({ code: "workspace-missing" });
  await expect(set("shop", "0".repeat(32), "member")).rejects.toMatchObject({ code: "user-missing" });
  await expect(set("shop", "ada", "member")).rejects.toMatchObject({ code: "user-missing" });
  const remove = (userId: string) => removeWorkspaceMember(identity, by, { workspaceId: "shop", userId });
  await expect(remove(ada.id)).rejects.toMatchObject({ code: "workspace-member-missing" });
  await expect(remove("?")).rejects.toMatchObject({ code: "workspace-member-missing" });
  const opening = reopenWorkspace(identity, { ...by, projectId: foreign.id }, "shop");
  await expect(opening).rejects.toMatchObject({ code: "workspace-missing" });
  expect(await roles("shop")).toEqual(["reader", "member", "manager"]);
});
