import { isIP, isIPv4 } from "node:net";
import * as v from "valibot";
import type { AppConfig } from "../protocol/index.ts";

export interface Config {
  readonly home: string;
  readonly port: number;
  /** Undefined: all addresses, IPv4 and IPv6. */
  readonly host: string | undefined;
  readonly release: string;
  readonly mode: "sidecar" | "standalone" | "local";
  readonly apps: readonly AppConfig[];
  readonly auth: "password" | "proxy" | "none";
  readonly passwordFile: string | undefined;
  readonly loginTokenFile: string | undefined;
  readonly stateDir: string;
  readonly origins: readonly string[];
  readonly trustedProxies: readonly string[];
  /** "" or `/a/b`, without a slash at the end. */
  readonly basePath: string;
  /** Undefined: beside the program. */
  readonly assets: string | undefined;
  readonly logLevel: "trace" | "debug" | "info" | "warn" | "error" | "silent";
  /** Control socket of the front, where there is one. */
  readonly frontSocket: string | undefined;
  readonly sourcePath: string | undefined;
  readonly sourceDurable: boolean | undefined;
  /** Access to this pod at the API server; undefined where the helper has no token, as by default. */
  readonly kube:
    | {
        readonly host: string;
        readonly port: number;
        readonly namespace: string;
        readonly pod: string;
        readonly account: string;
      }
    | undefined;
  /** The source agent builds before each requested restart. */
  readonly builds: boolean;
  /** Variables that begin with INPOD_ and mean nothing to the helper: misspelt, perhaps. */
  readonly unknown: readonly string[];
}

/** Everything that is wrong with the environment, one sentence each. */
export class ConfigError extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

const dnsLabel = /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/;
const absolute = v.pipe(v.string(), v.startsWith("/", "must be an absolute path"));
const wholeText = (min: number, max: number) =>
  v.pipe(
    v.string(),
    v.regex(/^\d{1,6}$/, `must be a number from ${min} to ${max}`),
    v.transform(Number),
    v.minValue(min, `must be a number from ${min} to ${max}`),
    v.maxValue(max, `must be a number from ${min} to ${max}`),
  );
const list = (fits: (item: string) => boolean, what: string) =>
  v.pipe(
    v.string(),
    v.transform((text) => text.split(",").map((item) => item.trim())),
    v.transform((items) => items.filter((item) => item !== "")),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      for (const item of dataset.value) if (!fits(item)) addIssue({ message: `"${item}" is no ${what}` });
    }),
  );

const portNumber = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));
const app = v.strictObject({
  name: v.pipe(v.string(), v.regex(dnsLabel, "must be a container's name")),
  port: v.nullable(portNumber),
  process: v.boolean(),
  container: v.boolean(),
  threshold: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10)),
  front: v.optional(v.strictObject({ drainMs: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(60_000)) })),
  swap: v.optional(v.strictObject({ ports: v.tuple([portNumber, portNumber]) })),
  readyPath: v.optional(v.pipe(v.string(), v.startsWith("/"))),
  image: v.optional(v.string()),
  alias: v.optional(v.boolean()),
  maxRestartPeriod: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1000), v.maxValue(300_000))),
  sourcePath: v.optional(v.string()),
});
const apps = v.pipe(
  v.string(),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    try {
      return JSON.parse(dataset.value) as unknown;
    } catch {
      addIssue({ message: "must be a JSON array" });
      return NEVER;
    }
  }),
  v.array(app),
  v.check((all) => new Set(all.map(({ name }) => name)).size === all.length, "has two apps of the same name"),
);

const environment = v.object({
  INPOD_HOME: v.optional(absolute, "/inpod"),
  INPOD_PORT: v.optional(wholeText(0, 65_535), "7777"),
  INPOD_HOST: v.optional(
    v.pipe(
      v.string(),
      v.check((text) => isIP(text) !== 0, "must be an IP address"),
    ),
  ),
  INPOD_RELEASE: v.optional(v.pipe(v.string(), v.regex(dnsLabel, "must be a release's name")), "inpod"),
  INPOD_MODE: v.optional(v.picklist(["sidecar", "standalone", "local"]), "sidecar"),
  INPOD_APPS: v.optional(apps, "[]"),
  INPOD_AUTH_MODE: v.pipe(
    v.optional(v.string("must be password, proxy or none"), ""),
    v.picklist(["password", "proxy", "none"], "must be password, proxy or none; it has no default"),
  ),
  INPOD_PASSWORD_FILE: v.optional(absolute),
  INPOD_LOGIN_TOKEN_FILE: v.optional(absolute),
  INPOD_STATE_DIR: v.optional(absolute),
  INPOD_ORIGINS: v.optional(list(isOrigin, "origin (https://ide.example)"), ""),
  INPOD_TRUSTED_PROXIES: v.optional(list(isRange, "address or range (10.0.0.0/8)"), ""),
  INPOD_BASE_PATH: v.optional(
    v.pipe(
      v.string(),
      v.transform((text) => text.replace(/\/+$/, "")),
      v.regex(/^(?:\/[\w.~-]*[\w~-][\w.~-]*)*$/, "must be a plain path such as /team/cart"),
      v.check((text) => !/(?:^|\/)-(?:\/|$)/.test(text), "mustn't have /-/ in it"),
    ),
    "",
  ),
  INPOD_ASSETS: v.optional(absolute),
  INPOD_LOG_LEVEL: v.optional(v.picklist(["trace", "debug", "info", "warn", "error", "silent"]), "info"),
  INPOD_FRONT_SOCKET: v.optional(absolute),
  INPOD_SOURCE_PATH: v.optional(absolute),
  INPOD_SOURCE_DURABLE: v.optional(v.picklist(["true", "false"])),
  INPOD_KUBE_ACCOUNT: v.optional(absolute),
  INPOD_KUBE_NAMESPACE: v.optional(v.pipe(v.string(), v.regex(dnsLabel, "must be a namespace's name"))),
  INPOD_KUBE_POD: v.optional(v.pipe(v.string(), v.regex(dnsLabel, "must be a pod's name"))),
  KUBERNETES_SERVICE_HOST: v.optional(v.string()),
  KUBERNETES_SERVICE_PORT: v.optional(wholeText(1, 65_535), "443"),
  INPOD_BUILDS: v.optional(v.picklist(["true", "false"]), "false"),
});

/** The helper's settings from `INPOD_*`; an empty variable is an absent one. Throws a ConfigError with all problems at once. */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(
      ([name, value]) => value !== undefined && value !== "" && !isServiceLink(name, value ?? ""),
    ),
  );
  const result = v.safeParse(environment, given);
  const problems = result.success ? [] : result.issues.map((issue) => sentenceOf(issue, given));
  const unknown = Object.keys(given).filter((name) => name.startsWith("INPOD_") && !known(name));
  const found = result.success ? result.output : undefined;
  if (found?.INPOD_AUTH_MODE === "password" && found.INPOD_PASSWORD_FILE === undefined)
    problems.push("INPOD_PASSWORD_FILE is missing: INPOD_AUTH_MODE=password needs the file with the login password.");
  if (found?.INPOD_AUTH_MODE === "proxy" && found.INPOD_TRUSTED_PROXIES.length === 0)
    problems.push(
      "INPOD_TRUSTED_PROXIES is empty: INPOD_AUTH_MODE=proxy needs the addresses that may vouch for a user.",
    );
  const kube = found === undefined ? undefined : kubeIn(found, problems);
  if (found === undefined || problems.length > 0) throw new ConfigError(problems);
  return {
    home: found.INPOD_HOME,
    port: found.INPOD_PORT,
    host: found.INPOD_HOST,
    release: found.INPOD_RELEASE,
    mode: found.INPOD_MODE,
    apps: found.INPOD_APPS.map(withoutUndefined),
    auth: found.INPOD_AUTH_MODE,
    passwordFile: found.INPOD_PASSWORD_FILE,
    loginTokenFile: found.INPOD_LOGIN_TOKEN_FILE,
    stateDir: found.INPOD_STATE_DIR ?? `${found.INPOD_HOME}/helper`,
    origins: found.INPOD_ORIGINS,
    trustedProxies: found.INPOD_TRUSTED_PROXIES,
    basePath: found.INPOD_BASE_PATH,
    assets: found.INPOD_ASSETS,
    logLevel: found.INPOD_LOG_LEVEL,
    frontSocket: found.INPOD_FRONT_SOCKET,
    sourcePath: found.INPOD_SOURCE_PATH,
    sourceDurable: found.INPOD_SOURCE_DURABLE === undefined ? undefined : found.INPOD_SOURCE_DURABLE === "true",
    kube,
    builds: found.INPOD_BUILDS === "true",
    unknown,
  };
}

/** All of it or none: a helper that is only half told where its pod is can't reach it. */
function kubeIn(found: v.InferOutput<typeof environment>, problems: string[]): Config["kube"] {
  const { INPOD_KUBE_ACCOUNT: account, INPOD_KUBE_NAMESPACE: namespace, INPOD_KUBE_POD: pod } = found;
  if (account === undefined) return undefined;
  const host = found.KUBERNETES_SERVICE_HOST;
  if (namespace === undefined || pod === undefined || host === undefined) {
    problems.push(
      "INPOD_KUBE_ACCOUNT is set, but not all of INPOD_KUBE_NAMESPACE, INPOD_KUBE_POD and KUBERNETES_SERVICE_HOST: the helper would not find its pod.",
    );
    return undefined;
  }
  return { host, port: found.KUBERNETES_SERVICE_PORT, namespace, pod, account };
}

const known = (name: string) =>
  name in environment.entries || /^INPOD_(?:VERSION|LOCAL_.*|PORT_\d.*|SERVICE_.*)$/.test(name);

/** For a Service named inpod Kubernetes sets INPOD_PORT too, to `tcp://…`. */
function isServiceLink(name: string, value: string): boolean {
  return name === "INPOD_PORT" && value.startsWith("tcp://");
}

function sentenceOf(issue: v.BaseIssue<unknown>, given: Readonly<Record<string, string | undefined>>): string {
  const path = v.getDotPath(issue) ?? "";
  const [name = ""] = path.split(".");
  const value = given[name];
  const shown = value === undefined ? "missing" : `"${value.slice(0, 200)}"`;
  const where = path === name ? "" : ` at ${path.slice(name.length + 1)}`;
  return `${name} is ${shown}: ${issue.message}${where}.`;
}

function isOrigin(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.parse(text)?.origin === text;
}

function isRange(text: string): boolean {
  const [address = "", bits, ...more] = text.split("/");
  if (isIP(address) === 0 || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (isIPv4(address) ? 32 : 128));
}

function withoutUndefined(given: v.InferOutput<typeof app>): AppConfig {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as unknown as AppConfig;
}
