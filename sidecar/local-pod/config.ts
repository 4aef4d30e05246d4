import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { errors } from "./errors.ts";

export interface Config {
  /** Everything the local pod writes is below it. */
  readonly home: string;
  readonly cache: string;
  /** Front door. */
  readonly port: number;
  /** The app's port, or null to take the first free one from 8080 on. */
  readonly appPort: number | null;
  /** A code-server release archive to use instead of npm. */
  readonly archive?: { readonly from: string; readonly sha256: string };
}

export const help = `npm start [-- --port N] [-- --app-port N]

Runs a pod on this machine, without a cluster, Docker or root: a browser VS Code, an example service beside it, and the
command \`restart app\`. Installs what is missing the first time; Ctrl-C stops everything.

  --port N       where the IDE is (default 7777, or INPOD_PORT)
  --app-port N   where the example service is (default: the first free one from 8080 on)
  --help         this text

  INPOD_HOME     folder for everything it writes: your edits, settings, logs (default: "home" in the cache folder)
  INPOD_CACHE    cache folder (default: inpod in $XDG_CACHE_HOME or ~/.cache)
  INPOD_CODE_SERVER_ARCHIVE, INPOD_CODE_SERVER_SHA256
                 a code-server release archive, file or address, and its checksum, to use instead of npm's package
  INPOD_RESTART_ON_SAVE=true
                 a save restarts the example service
  INPOD_RESTART_BUILD
                 a command that must succeed before each requested restart
  INPOD_RESTART_BUILD_TIMEOUT, INPOD_RESTART_INCLUDE, INPOD_RESTART_IGNORE, INPOD_RESTART_POLLING
                 as the chart's values of the same names

Examples
  npm start
  INPOD_RESTART_ON_SAVE=true npm start
  npm start -- --port 8000
  INPOD_HOME=/tmp/second INPOD_PORT=7800 npm start      a second one beside the first
`;

/** What argv and the environment ask for, or "help". Throws a LocalPodError that names what is wrong. */
export function parseConfig(argv: readonly string[], env: NodeJS.ProcessEnv, userHome: string): Config | "help" {
  const options = readFlags(argv);
  if (options.help === true) return "help";
  const cache = resolve(env["INPOD_CACHE"] || join(env["XDG_CACHE_HOME"] || join(userHome, ".cache"), "inpod"));
  return {
    home: resolve(env["INPOD_HOME"] || join(cache, "home")),
    cache,
    port: portOf(options.port ?? env["INPOD_PORT"] ?? "7777", options.port === undefined ? "INPOD_PORT" : "--port"),
    appPort: options["app-port"] === undefined ? null : portOf(options["app-port"], "--app-port"),
    ...archiveOf(env),
  };
}

function readFlags(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: { port: { type: "string" }, "app-port": { type: "string" }, help: { type: "boolean", short: "h" } },
    }).values;
  } catch (cause) {
    throw errors.usage(cause instanceof Error ? cause.message : String(cause));
  }
}

function portOf(text: string, name: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535)
    throw errors.usage(`${name} is a number from 1 to 65535, not "${text}".`);
  return port;
}

function archiveOf(env: NodeJS.ProcessEnv): Pick<Config, "archive"> {
  const from = env["INPOD_CODE_SERVER_ARCHIVE"];
  if (from === undefined || from === "") return {};
  const sha256 = env["INPOD_CODE_SERVER_SHA256"] ?? "";
  if (!/^[0-9a-f]{64}$/i.test(sha256)) {
    throw errors.usage(
      `INPOD_CODE_SERVER_ARCHIVE needs INPOD_CODE_SERVER_SHA256, 64 hexadecimal digits; it is "${sha256}".`,
    );
  }
  return { archive: { from, sha256 } };
}
