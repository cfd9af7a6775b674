/** Resolves the texts of a node: what expressions ask of the outside on the way is looked up between two tries. */
import { holds, readTemplate, render } from "../domain/expression.ts";
import type { World } from "../domain/expression-world.ts";
import { Fault } from "../domain/fault.ts";
import type { WorkCalendar } from "../domain/workday.ts";

export interface Scope {
  /** Whether a condition holds. Fault `expression-invalid`. */
  readonly holds: (condition: string) => Promise<boolean>;
  /** The text with its expressions evaluated, in a world of which `more` differs. Fault `expression-invalid`. */
  readonly render: (text: string, more?: Partial<World>) => Promise<string>;
}

/** What lies outside of a world, since evaluation does no I/O. */
export interface Outside {
  readonly obsPathExists: (path: string) => Promise<boolean>;
  /** Undefined where there is none of that name. */
  readonly calendar: (name: string) => Promise<WorkCalendar | undefined>;
}

/** Different things that the texts of one attempt may ask of the outside. */
const LOOKUPS_MAX = 200;

/** `loadWorld` is called once, and only when a text needs it. */
export function createScope(loadWorld: () => Promise<World>, outside: Outside): Scope {
  let loading: Promise<World> | undefined;
  const paths = new Map<string, boolean>();
  const calendars = new Map<string, WorkCalendar | undefined>();

  /** Evaluates again and again, each time knowing more, until nothing was asked that was not known. */
  async function evaluated<T>(more: Partial<World>, evaluate: (world: World) => T): Promise<T> {
    loading ??= loadWorld();
    const world = await loading;
    for (;;) {
      const open = new Map<string, () => Promise<void>>();
      const tried = attempt(() => evaluate({ ...world, ...more, ...answers(open) }));
      if (open.size === 0) return tried();
      if (paths.size + calendars.size + open.size > LOOKUPS_MAX)
        throw new Fault(
          "invalid",
          "expression-invalid",
          `the texts of a node may ask for ${LOOKUPS_MAX} paths and calendars`,
        );
      for (const find of open.values()) await find();
    }
  }

  function answers(
    open: Map<string, () => Promise<void>>,
  ): Pick<Required<World>, "obsPathExists" | "calendar"> {
    return {
      obsPathExists: (path) => {
        if (!paths.has(path))
          open.set(`path ${path}`, async () => void paths.set(path, await outside.obsPathExists(path)));
        return paths.get(path) ?? false;
      },
      calendar: (name) => {
        if (!calendars.has(name))
          open.set(`calendar ${name}`, async () => void calendars.set(name, await outside.calendar(name)));
        return calendars.get(name);
      },
    };
  }

  return {
    holds: async (condition) =>
      condition.trim() === "" || (await evaluated({}, (world) => holds(condition, world))),
    render: async (text, more = {}) => {
      if (!text.includes("#{") && !text.includes("${")) return text;
      const template = readTemplate(text);
      return await evaluated(more, (world) => render(template, world));
    },
  };
}

/** What the work gives or throws, for later. */
function attempt<T>(work: () => T): () => T {
  try {
    const value = work();
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
