import { decide, fastest, holdsPort, priceOf, recordOf, runningWait, wakeAt } from "./core/index.ts";
import type { App, AppState, AppStatus, Backoff, Effect, Event, Reply, RestartRecord } from "./core/index.ts";
import type { ImageAlias } from "./image-alias.ts";
import type { Front } from "./front.ts";
import { createLivenessFile } from "./liveness-file.ts";
import { createPortWatch } from "./port-watch.ts";
import { askReady } from "./readiness.ts";
import { createSupervisor } from "./supervisor.ts";

/** Without the instant: the machine stamps it. */
type Unstamped = Event extends infer E ? (E extends Event ? Omit<E, "at"> : never) : never;

export interface AppFiles {
  readonly liveness: string;
  readonly control: string;
  readonly state: string;
}

export interface AppMachine {
  dispatch(event: Unstamped): Promise<Reply | undefined>;
  status(): AppStatus;
  state(): AppState;
  close(): void;
}

/** Milliseconds between looks at the port: quick while a restart is under way, rare when idle. */
const pace = { restarting: 1, idle: 1000 };

/**
 * Runs the policy for one app: observations become events, decisions become effects. Holds no rule of its own.
 * `save` is awaited before any effect, so that a controller that dies in between leaves what it was about to do.
 */
export function createAppMachine(deps: {
  readonly app: App & { readonly readyPath?: string };
  readonly files: AppFiles;
  readonly initial: AppState;
  /** Path of the kit, whose `listeners` call watches the port; undefined to read /proc instead. */
  readonly kit: string | undefined;
  /** Where the helper may change its pod's image strings. */
  readonly imageAlias: ImageAlias | undefined;
  /** Resolves when what the app has written so far has been read. */
  readonly logRead?: () => Promise<void>;
  /** Before this app's port; only where `app.front` is set. */
  readonly front?: Front;
  readonly clock: { now(): number };
  readonly newId: () => string;
  readonly save: () => Promise<void>;
  readonly publish: (record: RestartRecord) => void;
  readonly onStatus: () => void;
}): AppMachine {
  const { app, clock } = deps;
  let state = deps.initial;
  let wake: NodeJS.Timeout | undefined;
  let reminder: NodeJS.Timeout | undefined;
  let asking = false;
  let closed = false;

  const dispatch = async (unstamped: Unstamped): Promise<Reply | undefined> => {
    if (closed) return undefined;
    const before = state;
    const decision = decide(app, state, { ...unstamped, at: clock.now() });
    state = decision.state;
    // The record belongs to the state that is saved: who finds one after a kill must find the other.
    for (const effect of decision.effects) if (effect.kind === "record") deps.publish(effect.record);
    if (state !== before) {
      if (state.phase.kind !== before.phase.kind || idOf(state) !== idOf(before)) adjust();
      await deps.save();
    }
    for (const effect of decision.effects) await perform(effect);
    if (state !== before) {
      deps.onStatus();
      remind();
    }
    return decision.reply;
  };

  /** A back-off ends without an event, and who shows it must hear of that. */
  const remind = () => {
    clearTimeout(reminder);
    const { until } = backoffOf(app, state, clock.now());
    if (until === undefined || closed) return;
    reminder = setTimeout(
      () => {
        deps.onStatus();
        remind();
      },
      Math.max(0, Date.parse(until) - clock.now()) + 10,
    );
  };

  const send = (event: Unstamped) => void dispatch(event);

  const perform = async (effect: Effect): Promise<void> => {
    switch (effect.kind) {
      case "record":
        return;
      case "remove-liveness":
        await attempt(() => liveness.remove());
        return;
      case "restore-liveness":
        await attempt(async () => send({ kind: "withdrawn", won: await liveness.restore() }));
        return;
      case "patch-image":
        await changeImage(effect.from, effect.to);
        return;
      case "command":
        await attempt(() => supervisor.command(effect.line));
        return;
      case "hold":
        // Not awaited: who asked for the restart is answered at once, however long the drain takes.
        void (deps.front?.hold(effect) ?? Promise.resolve(null)).then((left) =>
          send({ kind: "held", id: effect.id, left }),
        );
        return;
      case "move":
        void (deps.front?.move(effect) ?? Promise.resolve(null)).then((left) =>
          send({ kind: "moved", id: effect.id, left }),
        );
        return;
      case "release":
        void deps.front?.release();
        return;
    }
  };

  const attempt = async (effect: () => Promise<void> | void) => {
    try {
      await effect();
    } catch (error) {
      send({ kind: "failed", why: error instanceof Error ? error.message : String(error) });
    }
  };

  const changeImage = async (from: string, to: string) => {
    try {
      if (deps.imageAlias === undefined) throw new Error("the helper has no access to the API server");
      await deps.imageAlias.change(app.name, from, to);
    } catch (error) {
      send({ kind: "patch-failed", why: error instanceof Error ? error.message : String(error) });
    }
  };

  /** What the shell owes the present phase: how closely to look, when to tick, whether to ask for readiness. */
  const adjust = () => {
    for (const port of ports) port.setPace(state.phase.kind === "idle" ? pace.idle : pace.restarting);
    schedule();
    if (state.phase.kind === "settling") void settle();
  };

  const schedule = () => {
    clearTimeout(wake);
    const at = wakeAt(app, state.phase);
    if (at === null || closed) return;
    wake = setTimeout(
      () => {
        send({ kind: "tick" });
        schedule();
      },
      Math.max(10, at - clock.now()),
    );
  };

  const settle = async () => {
    if (asking) return;
    asking = true;
    while (!closed && state.phase.kind === "settling") {
      const { port: appPort, readyPath } = app;
      if (appPort === null || readyPath === undefined || (await askReady(appPort, readyPath))) {
        await dispatch({ kind: "ready" });
      } else {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    asking = false;
  };

  const liveness = createLivenessFile(deps.files.liveness, (present) =>
    send({ kind: "liveness", present, id: deps.newId() }),
  );
  const supervisor = createSupervisor(deps.files, async (seen) => {
    // What it said last is what people look for; the log has it before the state tells of the end.
    if (seen?.phase === "crashed" || seen?.beside?.phase === "crashed") await deps.logRead?.();
    send({ kind: "supervisor", state: seen, id: deps.newId() });
  });
  const ports =
    app.swap === undefined
      ? app.port === null
        ? []
        : [createPortWatch(app.port, (listeners) => send({ kind: "listeners", listeners }), deps.kit)]
      : app.swap.ports.map((port) =>
          createPortWatch(port, (listeners) => send({ kind: "listeners", listeners, port }), deps.kit),
        );
  adjust();
  remind();
  // An idle one may have died before it released the front.
  if (state.phase.kind !== "idle" || app.front !== undefined)
    void supervisor.looked().then(() => dispatch({ kind: "resumed" }));

  return {
    dispatch,
    state: () => state,
    status: () => statusOf(app, state, clock.now()),
    close() {
      closed = true;
      clearTimeout(wake);
      clearTimeout(reminder);
      liveness.close();
      supervisor.close();
      for (const port of ports) port.close();
    },
  };
}

function statusOf(app: App, state: AppState, now: number): AppStatus {
  const { supervisor, listeners, listenersSince, phase } = state;
  const held = supervisor !== null && holdsPort(app, supervisor);
  const servedAt = held ? supervisor.readyAt : listeners.length > 0 ? listenersSince : null;
  return {
    name: app.name,
    phase: phaseOf(app, state),
    generation: state.generation,
    ...(supervisor === null || supervisor.phase !== "running" ? {} : { pid: supervisor.pid }),
    ...(app.port === null ? {} : { port: app.port }),
    ...(servedAt === null || servedAt === undefined ? {} : { servedAt: new Date(servedAt).toISOString() }),
    how: fastest(app, state),
    restarts: state.restarts,
    backoff: backoffOf(app, state, now),
    ...(supervisor?.lastExit === undefined ? {} : { lastExit: supervisor.lastExit }),
    ...(phase.kind === "idle" ? {} : { current: recordOf(app, phase.attempt) }),
  };
}

function backoffOf(app: App, state: AppState, now: number): Backoff {
  const until = runningWait(app, state, now);
  if (until !== null) {
    return { waitSeconds: Math.ceil((until - now) / 1000), until: new Date(until).toISOString(), running: true };
  }
  const { wait, freeAt } = priceOf(app, state, now);
  return {
    waitSeconds: Math.ceil(wait / 1000),
    ...(freeAt === null ? {} : { until: new Date(freeAt).toISOString() }),
  };
}

const idOf = ({ phase }: AppState) => (phase.kind === "idle" ? undefined : phase.attempt.id);

function phaseOf(app: App, { phase, supervisor, listeners }: AppState): AppStatus["phase"] {
  if (phase.kind !== "idle") return "restarting";
  if (supervisor?.phase === "crashed" || supervisor?.phase === "stopped") return supervisor.phase;
  if (app.port === null) return supervisor === null ? "unknown" : "running";
  return listeners.length > 0 ? "running" : "down";
}
