/** `azalai users`, `projects` and `keys`: who may log in, where to, and with which access keys. */
import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import type { Client } from "./client.ts";
import { connectFor, part, wantsJson } from "./commands.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { formatFacts, formatTable, printResult } from "./terminal.ts";

interface Named {
  readonly id: string;
  readonly name: string;
  readonly enabled?: boolean;
  readonly description?: string;
}

interface Assignment {
  readonly role: Named;
  readonly user?: Named;
}

const PASSWORD_BYTES = 18;

export function addUsersCommands(program: Command): void {
  const users = program
    .command("users")
    .description("users and their roles in the project: list, create, grant, revoke, delete");
  users.command("list").description("all users, with their roles in the project").action(listUsers);
  users
    .command("create")
    .argument("<name>")
    .option("--role <role>", "in the project: reader, member, manager or admin", "member")
    .option("--new-password <text>", "absent: one is made and shown once")
    .description("makes a user and gives it a role in the project")
    .action(createUser);
  for (const verb of ["grant", "revoke"] as const)
    users
      .command(verb)
      .argument("<name>")
      .argument("<role>", "reader, member, manager or admin")
      .description(`${verb}s a user's role in the project`)
      .action((name: string, role: string, _options: unknown, command: Command) =>
        changeRole(verb, { name, role }, command),
      );
  users
    .command("delete")
    .argument("<name>")
    .description("deletes a user, its tokens and its keys")
    .action(deleteUser);
}

export function addProjectsCommands(program: Command): void {
  const projects = program.command("projects").description("projects: list, create, delete");
  projects.command("list").description("the projects that the user may see").action(listProjects);
  projects
    .command("create")
    .argument("<name>")
    .option("--description <text>", "what it is for", "")
    .description("makes a project; the user who makes it is its admin")
    .action(createProject);
  projects
    .command("delete")
    .argument("<name>", "name or id")
    .description("deletes a project and everything in it")
    .action(deleteProject);
}

export function addKeysCommands(program: Command): void {
  const keys = program.command("keys").description("access keys for signed requests: list, create, delete");
  const ofUser = ["--user <name>", "whose; absent: the user who asks"] as const;
  keys
    .command("list")
    .description("a user's access keys")
    .option(...ofUser)
    .action(listKeys);
  keys
    .command("create")
    .option(...ofUser)
    .option("--description <text>", "what it is for", "")
    .description("makes an access key; its secret is shown once")
    .action(createKey);
  keys.command("delete").argument("<access key>").description("deletes an access key").action(deleteKey);
}

async function listUsers(_options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const [{ users }, assignments] = await Promise.all([
    client.send("GET", "/v3/users") as Promise<{ users: readonly Named[] }>,
    fetchAssignments(client),
  ]);
  const rows = users.map((user) => ({
    id: user.id,
    name: user.name,
    enabled: user.enabled,
    roles: rolesOf(user, assignments),
  }));
  printResult(wantsJson(command), rows, () =>
    formatTable(
      ["NAME", "ROLES HERE", "ENABLED", "ID"],
      rows.map((user) => [user.name, user.roles.join(", "), user.enabled, user.id]),
    ),
  );
}

async function fetchAssignments(client: Client): Promise<readonly Assignment[]> {
  const query = { "scope.project.id": client.projectId, include_names: true };
  const answer = await client.send("GET", "/v3/role_assignments", { query });
  return (answer as { role_assignments: readonly Assignment[] }).role_assignments;
}

function rolesOf(user: Named, assignments: readonly Assignment[]): string[] {
  return assignments.filter((assignment) => assignment.user?.id === user.id).map(({ role }) => role.name);
}

interface CreateUserOptions {
  readonly role: string;
  readonly newPassword?: string;
}

async function createUser(name: string, options: CreateUserOptions, command: Command): Promise<void> {
  const client = await connectFor(command);
  const role = await findNamed(client, "roles", options.role);
  const password = options.newPassword ?? randomBytes(PASSWORD_BYTES).toString("base64url");
  const answer = await client.send("POST", "/v3/users", {
    body: { user: { name, password, default_project_id: client.projectId } },
  });
  const { user } = answer as { user: Named };
  await client.send("PUT", `/v3/projects/${client.projectId}/users/${user.id}/roles/${role.id}`);
  const made = { id: user.id, name, role: role.name, ...(options.newPassword === undefined && { password }) };
  printResult(wantsJson(command), made, () => {
    const facts = formatFacts(Object.entries(made));
    return options.newPassword === undefined ? `${facts}\n\nThe password is not shown again.` : facts;
  });
}

async function changeRole(
  verb: "grant" | "revoke",
  wanted: { readonly name: string; readonly role: string },
  command: Command,
): Promise<void> {
  const client = await connectFor(command);
  const [user, role] = await Promise.all([
    findNamed(client, "users", wanted.name),
    findNamed(client, "roles", wanted.role),
  ]);
  const path = `/v3/projects/${client.projectId}/users/${user.id}/roles/${role.id}`;
  await client.send(verb === "grant" ? "PUT" : "DELETE", path);
  const done = verb === "grant" ? "granted" : "revoked";
  printResult(
    wantsJson(command),
    { id: user.id, ...wanted, done },
    () => `${wanted.role} ${done}: ${wanted.name}`,
  );
}

async function deleteUser(name: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const user = await findNamed(client, "users", name);
  await client.send("DELETE", `/v3/users/${user.id}`);
  printResult(wantsJson(command), { id: user.id, name, deleted: true }, () => `${name} deleted`);
}

async function listProjects(_options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const { projects } = (await client.send("GET", "/v3/projects")) as { projects: readonly Named[] };
  printResult(wantsJson(command), projects, () =>
    formatTable(
      ["NAME", "ENABLED", "ID", "DESCRIPTION"],
      projects.map((project) => [project.name, project.enabled, project.id, project.description]),
    ),
  );
}

async function createProject(
  name: string,
  options: { description: string },
  command: Command,
): Promise<void> {
  const client = await connectFor(command);
  const role = await findNamed(client, "roles", "admin");
  const answer = await client.send("POST", "/v3/projects", {
    body: { project: { name, description: options.description } },
  });
  const { project } = answer as { project: Named };
  await client.send("PUT", `/v3/projects/${project.id}/users/${client.userId}/roles/${role.id}`);
  printResult(wantsJson(command), { id: project.id, name }, () =>
    formatFacts([
      ["id", project.id],
      ["name", name],
    ]),
  );
}

async function deleteProject(name: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const isId = /^[0-9a-f]{32}$/.test(name);
  const id = isId ? name : (await findNamed(client, "projects", name)).id;
  await client.send("DELETE", `/v3/projects/${id}`);
  printResult(wantsJson(command), { id, name, deleted: true }, () => `${name} deleted`);
}

/** The one user, project or role of that name. */
export async function findNamed(
  client: Client,
  kind: "users" | "projects" | "roles",
  name: string,
): Promise<Named> {
  const answer = (await client.send("GET", `/v3/${kind}`, { query: { name } })) as Record<
    string,
    readonly Named[]
  >;
  const found = answer[kind]?.find((entry) => entry.name === name);
  if (found === undefined)
    throw new CommandFailure(EXIT.notFound, `there is no ${kind.slice(0, -1)} "${name}"`);
  return found;
}

/** As the vendor's API writes it; the secret only in the answer that makes the key. */
interface AccessKey {
  readonly access: string;
  readonly secret?: string;
  readonly status: string;
  readonly user_id: string;
  readonly description?: string;
  readonly create_time?: string;
}

const KEYS = "/v3.0/OS-CREDENTIAL/credentials";

async function userIdOf(client: Client, name: string | undefined): Promise<string> {
  return name === undefined ? client.userId : (await findNamed(client, "users", name)).id;
}

async function listKeys(options: { user?: string }, command: Command): Promise<void> {
  const client = await connectFor(command);
  const query = { user_id: await userIdOf(client, options.user) };
  const { credentials } = (await client.send("GET", KEYS, { query })) as {
    credentials: readonly AccessKey[];
  };
  printResult(wantsJson(command), credentials, () =>
    formatTable(
      ["ACCESS KEY", "STATUS", "CREATED", "DESCRIPTION"],
      credentials.map((key) => [key.access, key.status, key.create_time, key.description]),
    ),
  );
}

async function createKey(options: { user?: string; description: string }, command: Command): Promise<void> {
  const client = await connectFor(command);
  const user_id = await userIdOf(client, options.user);
  const answer = await client.send("POST", KEYS, {
    body: { credential: { user_id, description: options.description } },
  });
  const { credential } = answer as { credential: AccessKey };
  printResult(wantsJson(command), credential, () => {
    const facts = formatFacts([
      ["access key", credential.access],
      ["secret key", credential.secret],
    ]);
    return `${facts}\n\nThe secret is not shown again.`;
  });
}

async function deleteKey(accessKey: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  await client.send("DELETE", `${KEYS}/${part(accessKey)}`);
  printResult(wantsJson(command), { access: accessKey, deleted: true }, () => `${accessKey} deleted`);
}
