/** What docs/compatibility.md says of each operation and member: that it works, because a play saw it, or why not. */
import { LEFT_OUT, NOT_SERVED } from "./reasons.ts";
import {
  type Direction,
  readSdkFields,
  SDKS,
  type Sdk,
  type SdkMember,
  type SdkOperation,
} from "./sdk-fields.ts";

/** What an SDK sent and got back while it was played on. */
export interface Exercised {
  /** How often each operation was called and not refused. */
  readonly calls: Readonly<Record<string, number>>;
  /** As `JobInfo.name`. */
  readonly sent: readonly string[];
  readonly came: readonly string[];
}

/** `works`, the reason why not, or nothing at all where nobody knows. */
export type Verdict = "works" | { readonly reason: string } | undefined;

export interface OperationVerdict extends Pick<SdkOperation, "operation" | "method" | "path"> {
  readonly verdict: Verdict;
}

export interface MemberVerdict extends Pick<SdkMember, "model" | "name" | "type"> {
  /** Absent for a direction that the member does not go in. */
  readonly verdicts: Readonly<Partial<Record<Direction, Verdict>>>;
}

export interface SdkVerdicts {
  readonly operations: readonly OperationVerdict[];
  readonly members: readonly MemberVerdict[];
}

export type Verdicts = Readonly<Record<Sdk, SdkVerdicts>>;

/** Also gives what is wrong: rows of which nobody knows, and reasons why something does not work that does. */
export async function judge(
  exercised: Readonly<Record<Sdk, Exercised>>,
  isServed: (operation: SdkOperation) => boolean,
): Promise<{ readonly verdicts: Verdicts; readonly problems: readonly string[] }> {
  const fields = await readSdkFields();
  const problems: string[] = [];
  const used = new Set<RegExp>();
  const whyNotServed = (one: SdkOperation): string | undefined => {
    const [asked, why] = NOT_SERVED.find(([left]) => left.test(`${one.method} ${one.path}`)) ?? [];
    if (asked === undefined || why === undefined) return undefined;
    // What is served by now needs a play, not a promise.
    if (isServed(one) && why.endsWith(" yet")) return undefined;
    used.add(asked);
    return why;
  };

  const judgeOperation = (sdk: Sdk, one: SdkOperation): Verdict => {
    const works = (exercised[sdk].calls[one.operation] ?? 0) > 0;
    const reason = whyNotServed(one);
    if (works && reason !== undefined) problems.push(`${sdk} ${one.operation} works, and yet: ${reason}`);
    if (!works && reason === undefined)
      problems.push(
        `${sdk} ${one.operation}: ${isServed(one) ? "no play calls it" : "nobody says why it is not served"}`,
      );
    return works ? "works" : reason === undefined ? undefined : { reason };
  };

  const judgeMember = (sdk: Sdk, { model, name, places }: SdkMember, direction: Direction): Verdict => {
    const row = `${sdk} ${model}.${name} ${direction}`;
    const works = exercised[sdk][direction].includes(`${model}.${name}`);
    if (works) return "works";
    const left = LEFT_OUT.find(([rows]) => rows.test(row));
    if (left !== undefined) used.add(left[0]);
    const reason = left?.[1] ?? reasonOfAll(places[direction].map(whyNotServed));
    if (reason === undefined) problems.push(`${row}: no play shows it, and nobody says why`);
    return reason === undefined ? undefined : { reason };
  };

  const judgeSdk = (sdk: Sdk): SdkVerdicts => ({
    operations: fields[sdk].operations.map((one) => ({ ...pick(one), verdict: judgeOperation(sdk, one) })),
    members: fields[sdk].members.map((member) => ({
      model: member.model,
      name: member.name,
      type: member.type,
      verdicts: {
        ...(member.places.sent.length > 0 && { sent: judgeMember(sdk, member, "sent") }),
        ...(member.places.came.length > 0 && { came: judgeMember(sdk, member, "came") }),
      },
    })),
  });

  const verdicts = Object.fromEntries(SDKS.map((sdk) => [sdk, judgeSdk(sdk)])) as unknown as Verdicts;
  for (const [rows] of [...LEFT_OUT, ...NOT_SERVED])
    if (!used.has(rows)) problems.push(`no row is ${rows}, or all of them work`);
  return { verdicts, problems };
}

function pick({ operation, method, path }: SdkOperation) {
  return { operation, method, path };
}

/** All reasons; nothing when one of the operations has none. */
function reasonOfAll(reasons: readonly (string | undefined)[]): string | undefined {
  return reasons.includes(undefined) ? undefined : [...new Set(reasons)].join("; ");
}
