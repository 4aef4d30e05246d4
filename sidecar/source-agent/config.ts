import * as v from "valibot";
import type { BuildCommand } from "./build/run-build.ts";

export interface Config {
  readonly home: string;
  /** The source; undefined where there is none beside an app. */
  readonly root: string;
  readonly temporary: string;
  readonly onSave: boolean;
  /** The apps that a save restarts. */
  readonly apps: readonly string[];
  readonly include: readonly string[];
  readonly ignore: readonly string[];
  readonly polling: boolean;
  readonly build: BuildCommand | undefined;
  readonly buildTimeoutMs: number;
}

/** Everything that is wrong with the environment, one sentence each. */
export class ConfigError extends Error {}

const absolute = v.pipe(v.string(), v.regex(/^\/.*[^/]$/, "must be an absolute path"));
const flag = v.pipe(
  v.picklist(["true", "false"], "must be true or false"),
  v.transform((text) => text === "true"),
);
const globs = v.pipe(
  v.string(),
  v.transform(parsed),
  v.array(v.pipe(v.string(), v.minLength(1)), 'must be a JSON array of globs, such as ["src/**"]'),
);
const command = v.pipe(
  v.string(),
  v.transform((text): unknown => (text.startsWith("[") ? (parsed(text) ?? text) : text)),
  v.union(
    [v.pipe(v.string(), v.minLength(1)), v.tupleWithRest([v.pipe(v.string(), v.minLength(1))], v.string())],
    "must be a command for the shell, or a JSON array of a program and its arguments",
  ),
);

const environment = v.object({
  INPOD_HOME: v.optional(absolute, "/inpod"),
  INPOD_SOURCE_PATH: absolute,
  TMPDIR: v.optional(absolute, "/tmp"),
  INPOD_RESTART_ON_SAVE: v.optional(flag, "false"),
  INPOD_RESTART_APPS: v.optional(
    v.pipe(
      v.string(),
      v.transform((text) => text.split(",").filter((name) => name !== "")),
    ),
    "",
  ),
  INPOD_RESTART_INCLUDE: v.optional(globs, "[]"),
  INPOD_RESTART_IGNORE: v.optional(globs, "[]"),
  INPOD_RESTART_POLLING: v.optional(flag, "false"),
  INPOD_RESTART_BUILD: v.optional(command),
  INPOD_RESTART_BUILD_TIMEOUT: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[1-9]\d{0,4}$/, "must be a number of seconds from 1 to 99999"),
      v.transform((text) => Number(text) * 1000),
    ),
    "300",
  ),
});

/** The agent's settings; an empty variable is an absent one. Throws a ConfigError with all problems at once. */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ""));
  const result = v.safeParse(environment, given);
  if (!result.success) {
    const sentences = result.issues.map((issue) => {
      const name = v.getDotPath(issue)?.split(".")[0] ?? "";
      const value = given[name];
      return `${name} is ${value === undefined ? "missing" : `"${value.slice(0, 200)}"`}: ${issue.message}.`;
    });
    throw new ConfigError([...new Set(sentences)].join("\n"));
  }
  const found = result.output;
  if (found.INPOD_RESTART_ON_SAVE && found.INPOD_RESTART_APPS.length === 0)
    throw new ConfigError(
      "INPOD_RESTART_APPS is missing: INPOD_RESTART_ON_SAVE=true needs the apps that a save restarts.",
    );
  return {
    home: found.INPOD_HOME,
    root: found.INPOD_SOURCE_PATH,
    temporary: found.TMPDIR,
    onSave: found.INPOD_RESTART_ON_SAVE,
    apps: found.INPOD_RESTART_APPS,
    include: found.INPOD_RESTART_INCLUDE,
    ignore: found.INPOD_RESTART_IGNORE,
    polling: found.INPOD_RESTART_POLLING,
    build: found.INPOD_RESTART_BUILD,
    buildTimeoutMs: found.INPOD_RESTART_BUILD_TIMEOUT,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
