/** `azalai workspaces`: the project's divisions, and who may do what in them. */
import { type Command, Option } from "commander";
import type { WorkspaceMemberView, WorkspaceView } from "../api/console/workspace-wire.ts";
import { connectFor, part, wantsJson } from "./commands.ts";
import { findNamed } from "./identity.ts";
import { formatTable, formatTime, printResult } from "./terminal.ts";

export function addWorkspacesCommands(program: Command): void {
  const workspaces = program
    .command("workspaces")
    .description("divisions of the project: list, create, delete, members, add, remove, open");
  workspaces.command("list").description("those that exist for you").action(list);
  workspaces
    .command("create")
    .argument("<id>")
    .option("--description <text>", "what it is for", "")
    .description("makes a workspace before anything lies in it")
    .action(create);
  workspaces.command("delete").argument("<id>").description("deletes an empty workspace").action(remove);
  workspaces.command("members").argument("<id>").description("who has a role of their own").action(members);
  workspaces
    .command("add")
    .argument("<id>")
    .argument("<user>")
    .addOption(new Option("--role <role>").choices(["reader", "member", "manager"]).default("member"))
    .description("gives a user a role there; with its first member a workspace is closed to all others")
    .action(add);
  workspaces
    .command("remove")
    .argument("<id>")
    .argument("<user>")
    .description("takes a user's role there away; the workspace stays closed")
    .action(removeMember);
  workspaces
    .command("open")
    .argument("<id>")
    .description("takes all members away and lets the project in again")
    .action(open);
}

const pathOf = (id: string) => `/api/workspaces/${part(id)}`;

async function list(_options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const answer = (await client.send("GET", "/api/workspaces")) as { readonly workspaces: WorkspaceView[] };
  printResult(wantsJson(command), answer.workspaces, () =>
    formatTable(
      ["WORKSPACE", "CLOSED", "MEMBERS", "CREATED (UTC)", "BY", "DESCRIPTION"],
      answer.workspaces.map((workspace) => [
        workspace.id,
        workspace.closed,
        workspace.members,
        formatTime(workspace.createdAt),
        workspace.createdBy,
        workspace.description,
      ]),
    ),
  );
}

async function create(
  id: string,
  { description }: { readonly description: string },
  command: Command,
): Promise<void> {
  const client = await connectFor(command);
  await client.send("POST", "/api/workspaces", { body: { id, description } });
  printResult(wantsJson(command), { id }, () => `workspace ${id} created`);
}

async function remove(id: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  await client.send("DELETE", pathOf(id));
  printResult(wantsJson(command), { id, deleted: true }, () => `workspace ${id} deleted`);
}

async function members(id: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const answer = (await client.send("GET", `${pathOf(id)}/members`)) as {
    readonly members: WorkspaceMemberView[];
  };
  printResult(wantsJson(command), answer.members, () =>
    formatTable(
      ["USER", "ROLE", "ADDED (UTC)", "BY"],
      answer.members.map(({ userName, role, addedAt, addedBy }) => [
        userName,
        role,
        formatTime(addedAt),
        addedBy,
      ]),
    ),
  );
}

async function add(
  id: string,
  name: string,
  { role }: { readonly role: string },
  command: Command,
): Promise<void> {
  const client = await connectFor(command);
  const user = await findNamed(client, "users", name);
  await client.send("PUT", `${pathOf(id)}/members/${user.id}`, { body: { role } });
  printResult(wantsJson(command), { id, user: name, role }, () => `${name} is ${role} of ${id}`);
}

async function removeMember(id: string, name: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const user = await findNamed(client, "users", name);
  await client.send("DELETE", `${pathOf(id)}/members/${user.id}`);
  printResult(
    wantsJson(command),
    { id, user: name, removed: true },
    () => `${name} has no role of their own in ${id}`,
  );
}

async function open(id: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  await client.send("DELETE", `${pathOf(id)}/members`);
  printResult(wantsJson(command), { id, closed: false }, () => `${id} is open to the project`);
}
