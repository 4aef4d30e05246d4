import * as v from "valibot";
import type { GateOptions } from "../source/gate.ts";
import { HelperError } from "../errors.ts";

const appName = v.pipe(v.string(), v.minLength(1), v.maxLength(63));
const wholeNumber = (min: number, max: number) => v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));
const numberText = (min: number, max: number) =>
  v.pipe(v.string(), v.digits(), v.transform(Number), wholeNumber(min, max));
const requestId = v.pipe(v.string(), v.regex(/^[A-Za-z0-9-]{8,64}$/, "must be 8 to 64 letters, digits or dashes"));

const restartBody = v.strictObject({
  id: v.optional(requestId),
  app: v.optional(appName),
  how: v.optional(v.picklist(["auto", "process", "container"])),
  now: v.optional(v.boolean()),
  ready: v.optional(v.boolean()),
  force: v.optional(v.boolean()),
  timeoutMs: v.optional(wholeNumber(100, 3_600_000)),
  to: v.optional(wholeNumber(1, 999_999_999)),
  origin: v.optional(v.literal("save")),
});
export const commandBody = v.strictObject({
  id: requestId,
  name: v.picklist(["restart", "inpod"]),
  words: v.pipe(v.array(v.string()), v.maxLength(64)),
  colour: v.boolean(),
});
export const ideBody = v.strictObject({
  dirtyFiles: v.optional(wholeNumber(0, 10_000_000)),
  editors: v.optional(
    v.strictObject({
      window: requestId,
      unsaved: wholeNumber(0, 1_000_000),
      untitled: wholeNumber(0, 1_000_000),
      saved: v.optional(requestId),
    }),
  ),
});
export const eventsQuery = v.object({ window: v.optional(requestId) });
export const holdBody = v.strictObject({ held: v.boolean() });
export const diffQuery = v.object({ n: numberText(1, 999_999_999), colour: v.optional(v.picklist(["0", "1"]), "0") });
export const waitQuery = v.object({ wait: v.optional(numberText(0, 3_600_000), "0") });
export const logsQuery = v.object({
  app: v.optional(appName),
  after: v.optional(numberText(0, Number.MAX_SAFE_INTEGER)),
  limit: v.optional(numberText(1, 1_000_000), "1000"),
  wait: v.optional(numberText(0, 55_000), "0"),
});
export const loginBody = v.object({
  password: v.optional(v.string()),
  token: v.optional(v.string()),
  to: v.optional(v.string()),
});

/** What a restart is asked with. */
export const restartAsk = (given: unknown): GateOptions => withoutUndefined(checked(restartBody, given));

/** The value as its schema has it, or a HelperError that names every field that is wrong and what it was. */
export function checked<S extends v.GenericSchema>(schema: S, given: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, given);
  if (result.success) return result.output;
  const problems = result.issues.map((issue) => {
    const field = v.getDotPath(issue) ?? "the whole";
    if (issue.type === "strict_object" && issue.expected === "never") return `${field} is unknown`;
    return `${field}: ${issue.message}`;
  });
  throw new HelperError("INPOD_REQUEST_INVALID", problems.join("; "));
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** A field that wasn't given is absent, not undefined. */
export function withoutUndefined<T extends object>(given: T): Defined<T> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Defined<T>;
}
