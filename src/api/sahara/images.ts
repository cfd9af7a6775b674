/** Routes of images: one stands for each plug-in, as stock clients name an image when they make a cluster. */
import { createHash } from "node:crypto";
import { Fault, missing } from "../../domain/fault.ts";
import type { Plugin } from "../../domain/plugin.ts";
import { type CallerRequest, firstOf, json, type Reply, type Route } from "../route.ts";
import { type ApiVersion, V2 } from "./api-version.ts";
import { checkQuery } from "./list-query.ts";
import { jsonRoutesOf } from "./resource.ts";

const FILTERS = ["name", "tags", "username"];
const USERNAME = "azalai";
const HASH_CHARACTERS = 12;

type Image = ReturnType<typeof imageOf>;

export function imageRoutes(
  { plugins }: { readonly plugins: readonly Plugin[] },
  version: ApiVersion,
): Route[] {
  const jsonRoute = jsonRoutesOf(version);
  const images = plugins.map(imageOf);
  const find = ({ params }: CallerRequest) =>
    images.find(({ id }) => id === params.id) ?? missing("image-missing", "there is no such image");
  const refuse = async (request: CallerRequest): Promise<Reply> => {
    find(request);
    throw new Fault(
      "invalid",
      "operation-unsupported",
      "an image stands for a plug-in here, and is not registered, tagged or taken away",
    );
  };
  return [
    jsonRoute("GET", "/images", "reader", async (request) => {
      if (version.strictQueries) checkQuery(request.query, FILTERS);
      return json(200, { images: images.filter((image) => isWanted(image, request)) });
    }),
    jsonRoute("GET", "/images/:id", "reader", async (request) => json(200, { image: find(request) })),
    jsonRoute("POST", "/images/:id", "manager", refuse),
    jsonRoute("DELETE", "/images/:id", "manager", refuse),
    ...(version === V2
      ? [
          jsonRoute("GET", "/images/:id/tags", "reader", async (request) =>
            json(200, { tags: find(request).tags }),
          ),
          jsonRoute("PUT", "/images/:id/tags", "manager", refuse),
          jsonRoute("DELETE", "/images/:id/tags", "manager", refuse),
        ]
      : [
          jsonRoute("POST", "/images/:id/tag", "manager", refuse),
          jsonRoute("POST", "/images/:id/untag", "manager", refuse),
        ]),
  ];
}

/** Its id is the same on every server. */
function imageOf({ name, version, title }: Plugin) {
  const digest = createHash("sha256").update(`azalai image ${name} ${version}`).digest("hex");
  return {
    id: `1a6e0000-0000-4000-8000-${digest.slice(0, HASH_CHARACTERS)}`,
    name: `${name}-${version}`,
    description: `Stands for the plug-in ${title} ${version}.`,
    username: USERNAME,
    status: "ACTIVE",
    tags: [name, version],
    metadata: {},
  };
}

/** All tags that are asked for, and the part of a name. */
function isWanted({ name, username, tags }: Image, { query }: CallerRequest): boolean {
  const wanted = [query.tags ?? []].flat();
  return (
    wanted.every((tag) => tags.includes(tag)) &&
    name.includes(firstOf(query, "name") ?? "") &&
    (firstOf(query, "username") ?? username) === username
  );
}
