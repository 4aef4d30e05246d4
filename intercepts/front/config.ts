import * as v from "valibot";

export interface FrontConfig {
  /** Where the app's Service sends to. */
  readonly port: number;
  /** The app's own port; with swap the two that it takes turns on, the first one first. Nothing else is ever sent to. */
  readonly targets: readonly [number, ...number[]];
  readonly protocol: "http" | "tcp";
  /** Unix socket of the control API. */
  readonly socket: string;
  readonly waiting: { readonly requests: number; readonly bytes: number; readonly ms: number };
}

/** Everything that is wrong with the environment, one sentence each. */
export class FrontConfigError extends Error {
  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

const number = (min: number, max: number) =>
  v.pipe(
    v.string(`must be a number from ${min} to ${max}`),
    v.regex(/^\d{1,10}$/, `must be a number from ${min} to ${max}`),
    v.transform(Number),
    v.minValue(min, `must be a number from ${min} to ${max}`),
    v.maxValue(max, `must be a number from ${min} to ${max}`),
  );

const environment = v.object({
  INPOD_FRONT_PORT: v.optional(number(0, 65_535), "7780"),
  INPOD_FRONT_TARGETS: v.pipe(
    v.string(`must be a port, or two with a comma`),
    v.regex(/^\d{1,5}(,\d{1,5})?$/, "must be a port, or two with a comma"),
    v.transform((text): [number, ...number[]] => {
      const [first = 0, ...others] = text.split(",").map(Number);
      return [first, ...others];
    }),
    v.check((ports) => ports.every((port) => port > 0 && port < 65_536), "must be a port, or two with a comma"),
  ),
  INPOD_FRONT_PROTOCOL: v.optional(v.picklist(["http", "tcp"], "must be http or tcp"), "http"),
  INPOD_FRONT_SOCKET: v.optional(
    v.pipe(v.string(), v.startsWith("/", "must be an absolute path")),
    "/inpod/run-front/front.sock",
  ),
  INPOD_FRONT_WAITING_REQUESTS: v.optional(number(1, 100_000), "1000"),
  INPOD_FRONT_WAITING_BYTES: v.optional(number(65_536, 1_073_741_824), "16777216"),
  INPOD_FRONT_WAITING_SECONDS: v.optional(number(1, 600), "30"),
});

/** The front's settings from `INPOD_FRONT_*`; an empty variable is an absent one. */
export function parseFrontConfig(env: Readonly<Record<string, string | undefined>>): FrontConfig {
  const given = Object.fromEntries(
    Object.entries(env).filter(
      ([name, value]) => name.startsWith("INPOD_FRONT_") && value !== undefined && value !== "",
    ),
  );
  const result = v.safeParse(environment, given);
  const unknown = Object.keys(given).filter((name) => !(name in environment.entries));
  const problems = [
    ...(result.success ? [] : result.issues).map((issue) => {
      const name = v.getDotPath(issue) ?? "";
      const value = given[name];
      return value === undefined
        ? `${name} is missing: it ${issue.message}.`
        : `${name} is "${value}": it ${issue.message}.`;
    }),
    ...unknown.map((name) => `${name} is no setting of the front: is it misspelt?`),
  ];
  if (!result.success || problems.length > 0) throw new FrontConfigError(problems);
  const found = result.output;
  if (found.INPOD_FRONT_TARGETS.includes(found.INPOD_FRONT_PORT)) {
    throw new FrontConfigError([
      `INPOD_FRONT_PORT is ${found.INPOD_FRONT_PORT}, and among INPOD_FRONT_TARGETS: the front would send to itself.`,
    ]);
  }
  return {
    port: found.INPOD_FRONT_PORT,
    targets: found.INPOD_FRONT_TARGETS,
    protocol: found.INPOD_FRONT_PROTOCOL,
    socket: found.INPOD_FRONT_SOCKET,
    waiting: {
      requests: found.INPOD_FRONT_WAITING_REQUESTS,
      bytes: found.INPOD_FRONT_WAITING_BYTES,
      ms: found.INPOD_FRONT_WAITING_SECONDS * 1000,
    },
  };
}
