import { join } from "node:path";
import { ideFlags } from "../code-server/ide-flags.ts";
import type { CodeServer } from "../code-server/index.ts";
import { nodeEnvironment, nodeFlags } from "../helper/node-flags.ts";
import { agentFlags } from "../source-agent/node-flags.ts";
import type { AppConfig } from "../protocol/index.ts";
import type { ContainerSpec } from "./container.ts";
import type { Home } from "./home.ts";

export interface PodPlan {
  readonly home: Home;
  /** Program file of Node 24. */
  readonly node: string;
  readonly helper: string;
  readonly sourceAgent: string;
  /** Folder of the page's assets. */
  readonly webUi: string;
  readonly codeServer: CodeServer;
  readonly ports: { readonly helper: number; readonly app: number; readonly live: number };
  /** The environment of whoever started us: what a shell needs of it is passed on to the IDE, nothing else. */
  readonly env: NodeJS.ProcessEnv;
}

export const appName = "app";
export const threshold = 2;

/** The containers of the local pod, as the chart has them: same programs, same names. */
export function containersOf(plan: PodPlan): Record<"live" | "app" | "ide" | "inpod", ContainerSpec> {
  const { home, node, ports } = plan;
  const { kit, paths } = home;
  const base = { PATH: plan.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin", LANG: plan.env["LANG"] ?? "C.UTF-8" };
  const pod = { pod: home.root, cwd: home.source };
  const app: AppConfig = {
    name: appName,
    port: ports.app,
    process: true,
    container: true,
    threshold,
    readyPath: "/healthz",
    sourcePath: home.source,
  };
  return {
    live: {
      ...pod,
      name: "live",
      argv: [
        kit,
        "live",
        "--host",
        "127.0.0.1",
        "--port",
        String(ports.live),
        "--threshold",
        String(threshold),
        `${appName}=${paths.liveness(appName)}`,
      ],
      env: base,
    },
    app: {
      ...pod,
      name: appName,
      argv: [kit, "supervise", "--dir", paths.appDir(appName), "--grace", "2s", "--", node, "server.js"],
      env: {
        ...base,
        HOME: home.user,
        TMPDIR: home.temporary,
        // As the chart's `restart.boosters.node`; the example ends orderly, so Node writes its cache by itself.
        NODE_COMPILE_CACHE: join(home.user, ".cache/node-compile"),
        HOST: "127.0.0.1",
        PORT: String(ports.app),
      },
    },
    ide: {
      ...pod,
      name: "ide",
      argv: [
        kit,
        "init",
        "--",
        ...plan.codeServer.command,
        ...flags(plan),
        home.source,
        "--",
        node,
        ...agentFlags,
        plan.sourceAgent,
      ],
      env: {
        ...shellEnvironment(plan.env),
        ...restartSettings(plan.env),
        ...base,
        PATH: `${home.bin}:${base.PATH}`,
        HOME: home.user,
        TMPDIR: home.temporary,
        INPOD_HOME: home.root,
        INPOD_RELEASE: "local",
        INPOD_LIVE_PORT: String(ports.live),
        INPOD_SOURCE_PATH: home.source,
        INPOD_RESTART_APPS: appName,
      },
    },
    inpod: {
      ...pod,
      name: "inpod",
      argv: [node, ...nodeFlags, plan.helper],
      env: {
        ...base,
        ...nodeEnvironment,
        HOME: home.state,
        NODE_ENV: "production",
        INPOD_HOME: home.root,
        INPOD_HOST: "127.0.0.1",
        INPOD_PORT: String(ports.helper),
        INPOD_RELEASE: "local",
        INPOD_MODE: "local",
        INPOD_APPS: JSON.stringify([app]),
        INPOD_AUTH_MODE: "password",
        INPOD_PASSWORD_FILE: home.passwordFile,
        INPOD_LOGIN_TOKEN_FILE: home.loginTokenFile,
        INPOD_STATE_DIR: home.state,
        INPOD_ASSETS: plan.webUi,
        INPOD_SOURCE_PATH: home.source,
        INPOD_SOURCE_DURABLE: "true",
        INPOD_BUILDS: String((plan.env["INPOD_RESTART_BUILD"] ?? "") !== ""),
      },
    },
  };
}

function flags({ home, codeServer }: PodPlan): string[] {
  const extensions = codeServer.extensions === undefined ? {} : { builtinExtensions: home.extensions };
  return ideFlags({ home: home.root, userHome: home.user, release: "local", ...extensions });
}

/** What the chart has under `restart`; here it is the environment's. */
function restartSettings(env: NodeJS.ProcessEnv): Record<string, string> {
  const names = ["ON_SAVE", "BUILD", "BUILD_TIMEOUT", "INCLUDE", "IGNORE", "POLLING"].map(
    (name) => `INPOD_RESTART_${name}`,
  );
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

/** PORT, PASSWORD and the like would change code-server; npm's own variables would follow into every terminal. */
function shellEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const passed =
    /^(LANG|LANGUAGE|LC_.*|TZ|TERM|COLORTERM|SHELL|USER|LOGNAME|SSH_AUTH_SOCK|EDITOR|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|SSL_CERT_DIR|GIT_SSL_CAINFO|(HTTPS?|ALL|NO)_PROXY|(https?|all|no)_proxy)$/;
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && passed.test(entry[0]),
  );
  // The user's own git name and address, read where they are; HOME is the local pod's.
  const git = env["GIT_CONFIG_GLOBAL"] ?? (env["HOME"] === undefined ? undefined : join(env["HOME"], ".gitconfig"));
  return { ...Object.fromEntries(kept), ...(git === undefined ? {} : { GIT_CONFIG_GLOBAL: git }) };
}
