import { mkdir } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import type { RestartController } from "@inpod/restart-controller";
import { createFront, createImageAlias, createRestartController, createStateFile } from "@inpod/restart-controller";
import { pathsIn } from "../protocol/index.ts";
import { createApiHandlers } from "./api/api-handlers.ts";
import { createEvents } from "./api/events.ts";
import { mount } from "./app.ts";
import type { Config } from "./config.ts";
import { createCommandHandler } from "./command/command-handler.ts";
import { createLocalClient } from "./command/local-client.ts";
import { createApiSocket } from "./door/api-socket.ts";
import { createFrontDoor } from "./door/front-door.ts";
import type { AccessLine } from "./door/front-door.ts";
import { createPeers, plainAddress } from "./door/peers.ts";
import { createLoginHandlers } from "./login/login-handlers.ts";
import { createLoginToken } from "./login/login-token.ts";
import { createPasswordCheck } from "./login/password.ts";
import { createSessions } from "./login/sessions.ts";
import { createEditors } from "./editors.ts";
import { createOpenStreams } from "./open-streams.ts";
import { createAssets } from "./pages/assets.ts";
import { createPageHandlers } from "./pages/page-handlers.ts";
import { createGate, type GateOptions } from "./source/gate.ts";
import { createSourceClient } from "./source/source-client.ts";
import { createIdeProxy } from "./proxy/ide-proxy.ts";
import { createStatus } from "./status.ts";
import { createIdeWatch } from "./watch/ide-watch.ts";
import { createLogLines } from "./watch/log-lines.ts";
import { createLogPlaces } from "./watch/log-places.ts";
import { createLogTail, type LogPlace, type LogTail } from "./watch/log-tail.ts";

export interface HelperLog {
  access(line: AccessLine): void;
  warn(sentence: string): void;
  error(error: unknown): void;
}

export interface HelperDeps {
  readonly config: Config;
  readonly version: string;
  /** Folder of the built page. */
  readonly assets: string;
  readonly log: HelperLog;
  /** Milliseconds since the epoch. */
  readonly clock?: { now(): number };
  /** In the place of the real one, for tests. */
  readonly controller?: RestartController;
}

export interface Helper {
  readonly port: number;
  /** Ends what is open and lets go of the port and the socket; idempotent. */
  close(): Promise<void>;
}

/** Starts the whole helper: watches, the restart controller, the Unix socket, the front door. */
export async function startHelper(deps: HelperDeps): Promise<Helper> {
  const { config, log } = deps;
  const onError = (error: unknown) => log.error(error);
  const clock = deps.clock ?? { now: Date.now };
  const paths = pathsIn(config.home);
  const streams = createOpenStreams();
  await mkdir(config.stateDir, { recursive: true, mode: 0o700 });
  // The kit makes them before anything starts; without it (no app yet) a watcher would have nothing to watch.
  for (const app of config.apps) await mkdir(paths.appDir(app.name), { recursive: true, mode: 0o775 });

  const places = await createLogPlaces({
    file: createStateFile(join(config.stateDir, "logs.json"), (error) =>
      log.warn(`log lines may be told twice after a restart of the helper: ${error.message}`),
    ),
    fresh: clock.now(),
    next: () => logs.next(),
  });
  const logs = createLogLines(places.first);
  const tails = new Map<string, LogTail>();
  const front =
    config.frontSocket === undefined
      ? undefined
      : createFront(config.frontSocket, (error) => log.warn(`${error.message} (${String(error.cause)})`));
  const restarts =
    deps.controller ??
    (await createRestartController({
      apps: config.apps,
      filesOf: (app) => ({ liveness: paths.liveness(app), control: paths.control(app), state: paths.state(app) }),
      kit: paths.kit,
      ...(config.kube === undefined ? {} : { imageAlias: createImageAlias(config.kube) }),
      ...(front === undefined ? {} : { front }),
      stateFile: join(config.stateDir, "restarts.json"),
      logRead: async (app) => tails.get(app)?.caughtUp(),
      lastLines: (app, count) => logs.last(app, count),
      onError: (error) => log.warn(`a restart under way won't survive a restart of the helper: ${error.message}`),
    }));
  const source = createSourceClient(paths.sourceSocket);
  const controller = await createGate({
    controller: restarts,
    apps: config.apps,
    source,
    builds: config.builds,
    file: createStateFile(join(config.stateDir, "gate.json"), (error) =>
      log.warn(`what restarts ran won't survive a restart of the helper: ${error.message}`),
    ),
    warn: (sentence) => log.warn(sentence),
    clock,
  });
  const ideWatch = createIdeWatch({ socketPath: paths.ideSocket, clock, onChange: () => events.statusChanged() });
  const editors = createEditors();
  const status = createStatus({ ...config, version: deps.version, controller, ide: ideWatch, editors });
  const events = createEvents({ status, streams });
  const unsubscribe = controller.subscribe((change) => {
    if (change.type === "restart") events.restart(change.restart);
    events.statusChanged();
  });
  for (const { name, process } of config.apps) {
    if (!process) continue;
    const take = (text: string, place: LogPlace, old: boolean) => {
      const line = logs.add(name, text, old);
      // Who listens has had the old ones.
      if (old) return;
      places.passed(name, place);
      events.log(line);
    };
    tails.set(name, createLogTail(paths.log(name), take, places.of(name)));
  }

  const sessions = await createSessions({
    file: createStateFile(join(config.stateDir, "sessions.json"), (error) =>
      log.warn(`sessions won't survive a restart of the helper: ${error.message}`),
    ),
    clock,
    onEnd: (key) => streams.endAll(key),
  });
  const assets = createAssets(deps.assets, config);
  const password =
    config.auth === "password" && config.passwordFile !== undefined
      ? createPasswordCheck(config.passwordFile)
      : undefined;
  const ask = async (options: GateOptions) => {
    // What the person sees in the editor is what is to run; a save of one file is no wish to save the others.
    const note = options.origin === "save" ? undefined : await editors.save();
    const answer = await controller.request(options);
    if (note === undefined || "refused" in answer) return answer;
    return { ...answer, note: answer.note === undefined ? note : `${answer.note}; ${note}` };
  };
  const hold = async (held: boolean) => {
    const report = await source.hold(held);
    status.reportSource(report);
    events.statusChanged();
    return report;
  };
  const api = createApiHandlers({ controller, ask, editors, source, hold, status, events, logs, streams });
  const command = createCommandHandler({
    home: config.home,
    streams,
    connect: (gone) => createLocalClient({ ask, controller, source, hold, status, logs, gone }),
  });
  const token = createLoginToken(config.loginTokenFile, sessions);

  const ide = createIdeProxy({ socketPath: paths.ideSocket, streams, touch: (key) => sessions.touch(key) });
  const peers = createPeers(config.trustedProxies);
  const door = createFrontDoor({
    policy: {
      auth: config.auth,
      release: config.release,
      basePath: config.basePath,
      origins: new Set(config.origins),
      isProxy: (address) => peers.isProxy(address),
      mayVouch: ({ remoteAddress }) => config.mode !== "sidecar" || !isOwnAddress(remoteAddress),
      findSession: (value) => sessions.find(value),
    },
    peers,
    ide,
    access: (line) => log.access(line),
    serve: mount(
      {
        ...api,
        ...createPageHandlers(assets),
        ...createLoginHandlers({ ...config, assets, sessions, clock, password, token }),
      },
      onError,
    ),
  });
  const socket = createApiSocket(paths.apiSocket, mount({ ...api, command }, onError));

  let closing: Promise<void> | undefined;
  const close = async () => {
    unsubscribe();
    ideWatch.close();
    events.close();
    streams.endAll();
    ide.close();
    await Promise.all([door.close(), socket.close(), ...[...tails.values()].map((tail) => tail.close())]);
    await places.close();
    await controller.close();
    source.close();
    await sessions.close();
  };
  try {
    await socket.listen();
    const { port } = await door.listen(config.port, config.host);
    return { port, close: () => (closing ??= close()) };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The app and its proxy-to-be share the pod's addresses. */
function isOwnAddress(address: string): boolean {
  const plain = plainAddress(address);
  return Object.values(networkInterfaces()).some((all) => all?.some((one) => one.address === plain));
}
