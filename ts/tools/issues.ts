// What a schema library says is wrong with a value.

/** An issue of zod 3, zod 4 or Standard Schema. */
export interface Issue {
  readonly message: string;
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined;
  readonly code?: unknown;
  readonly expected?: unknown;
  /** The issues of each member of a union: zod 4. */
  readonly errors?: ReadonlyArray<readonly Issue[]>;
  /** The same of zod 3. */
  readonly unionErrors?: ReadonlyArray<{ readonly issues: readonly Issue[] }>;
}

/** Most issues that a message names. */
const MAX_TOLD = 5;

/** `dueDate: Invalid date; tags[2]: Too short`. */
export function issuesText(issues: readonly Issue[]): string {
  const told = issues.slice(0, MAX_TOLD).map((issue) => {
    const path = keys(issue).reduce<string>((text, key) => (typeof key === "number" ? `${text}[${key}]` : text === "" ? String(key) : `${text}.${String(key)}`), "");
    return path === "" ? issue.message : `${path}: ${issue.message}`;
  });
  const more = issues.length - told.length;
  return told.join("; ") + (more > 0 ? `; and ${more} more` : "");
}

function keys(issue: Issue): PropertyKey[] {
  return (issue.path ?? []).map((key) => (typeof key === "object" ? key.key : key));
}

type Reviver = (value: unknown) => unknown;

/** What has no JSON form of its own, by the name that zod has for it. */
const REVIVERS: ReadonlyMap<unknown, Reviver> = new Map<unknown, Reviver>([
  ["date", (value) => (typeof value === "string" ? new Date(value) : undefined)],
  ["bigint", (value) => (Number.isSafeInteger(value) || (typeof value === "string" && /^-?\d+$/.test(value)) ? BigInt(value as number | string) : undefined)],
]);

/** A copy of `value` with dates and big integers where the issues say that they are expected; undefined when there is no such place. */
export function revived(value: unknown, issues: readonly Issue[]): { value: unknown } | undefined {
  const root = { value: structuredClone(value) };
  let changed = false;
  for (const { path, revive } of places(issues, [])) {
    const holder = [...path].slice(0, -1).reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], root) as Record<PropertyKey, unknown> | undefined;
    const last = path.at(-1) as PropertyKey;
    const made = revive(holder?.[last]);
    if (holder === undefined || made === undefined) continue;
    holder[last] = made;
    changed = true;
  }
  return changed ? root : undefined;
}

function* places(issues: readonly Issue[], above: readonly PropertyKey[]): Generator<{ path: PropertyKey[]; revive: Reviver }> {
  for (const issue of issues) {
    const revive = issue.code === "invalid_type" ? REVIVERS.get(issue.expected) : undefined;
    if (revive !== undefined) yield { path: ["value", ...above, ...keys(issue)], revive };
    // The paths in a union start at the union in zod 4, at the root in zod 3.
    for (const member of issue.errors ?? []) yield* places(member, [...above, ...keys(issue)]);
    for (const { issues: member } of issue.unionErrors ?? []) yield* places(member, []);
  }
}
