// A room may import itself and the rooms named for it. Tests may look anywhere.
const rooms = {
  domain: [],
  store: ["domain"],
  operators: ["domain"],
  identity: ["domain", "store"],
  catalog: ["domain", "store"],
  engine: ["domain", "store", "operators/operator[.]ts$"],
  api: ["domain", "store", "identity", "catalog", "engine"],
};
const path = (room) => `^src/${room}${room.endsWith("$") ? "" : "/"}`;
const rule = (name, from, to) => ({ name, severity: "error", from, to });
const layer = ([room, below]) =>
  rule(
    `${room}-imports-only-below`,
    { path: path(room) },
    { path: "^src/", pathNot: [room, ...below].map(path) },
  );
export default {
  forbidden: [
    ...Object.entries(rooms).map(layer),
    rule("no-circle", {}, { circular: true }),
    rule("domain-is-pure", { path: "^src/domain/" }, { dependencyTypes: ["core", "npm"] }),
    rule(
      "one-face-knows-no-other",
      { path: "^src/api/([^/]+)/" },
      { path: "^src/api/[^/]+/", pathNot: "^src/api/$1/" },
    ),
    rule(
      "sql-stays-in-store",
      { path: "^src/", pathNot: "^src/(store|operators)/" },
      { path: "node_modules/(pg|kysely)/" },
    ),
    rule(
      "settings-are-handed-on",
      { path: "^src/", pathNot: "^src/(cli/|main[.]ts|parts/)" },
      { path: "^src/config[.]ts" },
    ),
    rule(
      "only-main-knows-the-parts",
      { path: "^src/", pathNot: "^src/(main[.]ts|parts/|cli/(doctor|local-software)[.]ts)" },
      { path: "^src/parts/" },
    ),
    rule(
      "cli-is-a-client",
      { path: "^src/cli/" },
      {
        path: "^src/",
        pathNot: "^src/(cli/|main[.]ts|config[.]ts|parts/)",
        dependencyTypesNot: ["type-only"],
      },
    ),
  ],
  options: {
    exclude: "[.]test[.]ts$",
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
  },
};
