import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Built, buildAll, endBuildService } from "../../build.ts";
import { type CodeServer, ensureCodeServer } from "../code-server/index.ts";
import { runCommand } from "../code-server/command.ts";
import { tryHold } from "../code-server/one-at-a-time.ts";
import { armDeadMansSwitch, endBelongings, podMark } from "./belongings.ts";
import { type BoundedLog, createBoundedLog } from "./bounded-log.ts";
import type { Config } from "./config.ts";
import { runContainer } from "./container.ts";
import { appName, containersOf, threshold } from "./containers.ts";
import { errors } from "./errors.ts";
import { type Home, homeAt, linkExtensions, makeHome, readAddress, writeLaunchers, writeSecrets } from "./home.ts";
import { createKubeletStandIn, type KubeletStandIn } from "./kubelet-stand-in.ts";
import { firstFreePort, requirePort } from "./ports.ts";
import { accepts, answers, waitUntil } from "./ready.ts";

export interface LocalPodDeps {
  readonly config: Config;
  readonly env: NodeJS.ProcessEnv;
  /** Program file of Node 24. */
  readonly node: string;
  /** Folder whose copy is the source. */
  readonly example: string;
  readonly progress: (line: string) => void;
  /** Fires when the user wants it to end, also while it is still being set up. */
  readonly stop: AbortSignal;
}

export interface LocalPod {
  readonly home: Home;
  readonly url: string;
  readonly loginLink: string;
  readonly appUrl: string;
  /** Ends every process of the pod; resolves when none is left. Idempotent. */
  close(): Promise<void>;
}

const upWithin = 60_000;
const graceMs = 2000;

/** Sets everything up, starts the containers and resolves when the IDE and the app answer. Throws errors with a fix. */
export async function startLocalPod(deps: LocalPodDeps): Promise<LocalPod> {
  const { config, progress } = deps;
  const home = homeAt(config.home);
  // Before anything slow: what can't work is said at once.
  const release = await tryHold(`local-pod ${home.root}`);
  if (release === undefined) throw errors.homeBusy(home.root, await readAddress(home));
  const opened: (() => Promise<void> | void)[] = [release];
  const close = once(async () => {
    for (const undo of opened.toReversed()) await undo();
  });
  try {
    return await start(deps, home, opened, close);
  } catch (error) {
    await close();
    throw error;
  } finally {
    if (deps.stop.aborted) progress("stopping …");
  }
}

async function start(
  { config, env, node, example, progress, stop }: LocalPodDeps,
  home: Home,
  opened: (() => Promise<void> | void)[],
  close: () => Promise<void>,
): Promise<LocalPod> {
  const marks = { [podMark]: home.root };
  await endBelongings(marks, 0);
  await requirePort(config.port, "the IDE", "INPOD_PORT=… or --port");
  const ports = await pickPorts(config, progress);
  await makeHome(home);
  const built = await buildAll(progress);
  const codeServer = await ensureCodeServer({
    cache: config.cache,
    node,
    env,
    path: env["PATH"] ?? "",
    progress,
    ...(config.archive === undefined ? {} : { archive: config.archive }),
  });
  // Its service process would stay as long as we do.
  await endBuildService();
  stop.throwIfAborted();
  const token = await furnish(home, { built, codeServer, node, example });

  const url = `http://localhost:${config.port}`;
  await writeFile(home.address, `${url}\n`);
  const deadMansSwitch = armDeadMansSwitch(marks);
  opened.push(() => deadMansSwitch.disarm());
  // Whatever a container's own end has missed; the switch is armed until then.
  opened.push(() => endBelongings(marks, 0));

  const specs = containersOf({
    home,
    node,
    helper: built.helper,
    sourceAgent: built.sourceAgent,
    webUi: built.webUi,
    codeServer,
    ports,
    env,
  });
  const logs = new Map<string, BoundedLog>();
  const kubelet: KubeletStandIn[] = [];
  opened.push(async () => {
    await Promise.all(kubelet.map((container) => container.close(graceMs)));
    for (const log of logs.values()) log.close();
  });
  const say = (line: string) =>
    void appendFile(join(home.logs, "kubelet.log"), `${new Date().toISOString()} ${line}\n`);
  for (const spec of Object.values(specs)) {
    const log = createBoundedLog(join(home.logs, `${spec.name}.log`));
    logs.set(spec.name, log);
    const live = `http://127.0.0.1:${ports.live}/live/${appName}`;
    const probe = { url: live, period: 1000, timeout: 5000, failureThreshold: threshold, grace: graceMs };
    kubelet.push(
      createKubeletStandIn({
        name: spec.name,
        start: () => runContainer(spec, log),
        say,
        ...(spec === specs.app ? { probe } : {}),
      }),
    );
  }

  const up: readonly [string, BoundedLog | undefined, () => Promise<boolean>][] = [
    ["the helper", logs.get("inpod"), () => answers({ port: config.port }, "/-/healthz")],
    ["the example app", logs.get(appName), () => accepts(ports.app)],
    ["code-server", logs.get("ide"), () => answers({ socketPath: home.paths.ideSocket }, "/healthz")],
  ];
  for (const [what, log, ask] of up) {
    progress(`starting ${what}`);
    if (await waitUntil(ask, upWithin, stop)) continue;
    stop.throwIfAborted();
    throw errors.notUp(what, upWithin / 1000, log?.path ?? home.logs, log?.tail(15) ?? "");
  }
  return {
    home,
    url,
    loginLink: `${url}/-/login?token=${token}`,
    appUrl: `http://localhost:${ports.app}`,
    close,
  };
}

async function pickPorts(config: Config, progress: (line: string) => void) {
  const flag = "--app-port";
  if (config.appPort !== null) await requirePort(config.appPort, "the example app", flag);
  const app = config.appPort ?? (await firstFreePort(8080, "the example app", flag, [config.port]));
  if (config.appPort === null && app !== 8080) progress(`port 8080 is taken, so the example app listens on ${app}`);
  return {
    helper: config.port,
    app,
    live: await firstFreePort(7779, "the liveness responder", "", [config.port, app]),
  };
}

/** Everything that is on the pod's volumes before its containers start; the login link's token. */
async function furnish(
  home: Home,
  { built, codeServer, node, example }: { built: Built; codeServer: CodeServer; node: string; example: string },
): Promise<string> {
  try {
    await kit(built.kit, ["install", home.bin, home.paths.liveness(appName)], example, home.root);
    await kit(built.kit, ["copy", example, home.source], example, home.source);
    await writeLaunchers(home, node, built.cli);
    if (codeServer.extensions !== undefined) await linkExtensions(home, codeServer.extensions, built.extension);
    return (await writeSecrets(home)).token;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOSPC" || code === "EDQUOT" || code === "EACCES" || code === "EROFS")
      throw errors.cannotWrite(home.root, error as NodeJS.ErrnoException);
    throw error;
  }
}

async function kit(program: string, args: readonly string[], from: string, to: string): Promise<void> {
  const { code, output } = await runCommand(program, args);
  if (code === 0) return;
  if (/No space left|Disk quota/.test(output))
    throw errors.cannotWrite(to, Object.assign(new Error(output.trim()), { code: "ENOSPC" }));
  throw errors.copyFailed(from, to, output.trim());
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= work());
}
