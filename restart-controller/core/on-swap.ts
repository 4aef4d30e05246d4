import { finish, unchanged, withAttempt } from "./attempt.ts";
import { exitText } from "./explain.ts";
import { onListeners } from "./on-listeners.ts";
import type { AppState, Attempt, Decision, Effect, EventOf, Instant, Phase, SupervisorState } from "./phase.ts";
import type { App, Outcome } from "./types.ts";

type SwapPhase = Extract<Phase, { kind: "swapping" | "moving" | "committing" }>;

/** A swap needs a process that serves meanwhile, a supervisor that knows how, and somebody who can wait for a drain. */
export function canSwap(app: App, { supervisor }: AppState, attempt: Attempt): boolean {
  return (
    app.swap !== undefined &&
    app.front !== undefined &&
    supervisor?.phase === "running" &&
    supervisor.port !== undefined &&
    !attempt.now
  );
}

export function beginSwap(state: AppState, asked: Attempt): Decision {
  // What listens anywhere already is not the new process.
  const before = Object.values(state.listening).flat();
  const attempt: Attempt = { ...asked, swap: true, before };
  return {
    state: withAttempt(state, { kind: "swapping", attempt }),
    effects: [{ kind: "command", line: `swap id=${attempt.id}` }],
  };
}

/** Of the two ports one is the present process's, whose listeners are the app's, and one is spare. */
export function onSwapListeners(app: App, before: AppState, event: EventOf<"listeners">): Decision {
  const port = event.port ?? presentPort(app, before);
  const state = { ...before, listening: { ...before.listening, [port]: event.listeners } };
  if (port === presentPort(app, before)) return onListeners(app, state, event);
  return state.phase.kind === "swapping" ? moveWhenServed(app, state, state.phase.attempt, event.at) : unchanged(state);
}

export function onSwapSupervisor(
  app: App,
  state: AppState,
  phase: SwapPhase,
  now: SupervisorState,
  at: Instant,
): Decision {
  const { beside } = now;
  if (phase.kind === "committing") {
    return now.port === phase.port && beside === undefined ? committed(app, state, phase, at) : unchanged(state);
  }
  if (beside?.phase === "crashed") {
    return giveUp(app, state, phase, {
      outcome: "crashed",
      message: `the new version ${exitText({ ...now, lastExit: beside.exit ?? { code: null, signal: null } })} before it took over`,
      ...(beside.exit === undefined ? {} : { exit: beside.exit }),
    });
  }
  if (now.phase !== "running") {
    // The supervisor ends both; there is nobody to go back to.
    return finish(app, state, phase.attempt, {
      outcome: "crashed",
      message: `the app ${exitText(now)} while its successor was being started: restart it once more`,
      ...(now.lastExit === undefined ? {} : { exit: now.lastExit }),
    });
  }
  if (beside === undefined || phase.kind === "moving") return unchanged(state);
  return moveWhenServed(app, state, { ...phase.attempt, startedAt: phase.attempt.startedAt ?? at }, at);
}

function moveWhenServed(app: App, state: AppState, attempt: Attempt, at: Instant): Decision {
  const beside = state.supervisor?.beside;
  const fresh =
    beside?.phase === "running" &&
    (state.listening[beside.port] ?? []).some((inode) => !attempt.before.includes(inode));
  if (beside === undefined || !fresh) return unchanged(withAttempt(state, { kind: "swapping", attempt }));
  const served: Attempt = { ...attempt, startedAt: attempt.startedAt ?? at, servedAt: at };
  return {
    state: withAttempt(state, { kind: "moving", attempt: served, port: beside.port }),
    effects: [move(app, served, beside.port, at)],
  };
}

export function onMoved(app: App, state: AppState, { id, left, at }: EventOf<"moved">): Decision {
  const { phase } = state;
  if (phase.kind !== "moving" || phase.attempt.id !== id) return unchanged(state);
  if (left === null) {
    return giveUp(app, state, phase, {
      outcome: "refused",
      message: "the front could not be moved to the new process",
    });
  }
  const attempt = { ...phase.attempt, drainedAt: at, left };
  return {
    state: withAttempt(state, { kind: "committing", attempt, port: phase.port }),
    effects: [{ kind: "command", line: `commit id=${id}` }],
  };
}

export function onSwapTick(app: App, state: AppState, phase: SwapPhase, at: Instant): Decision {
  if (at < phase.attempt.deadline) return unchanged(state);
  // It serves already; what is late is the old one's end, and that is the supervisor's to enforce.
  if (phase.kind === "committing") return committed(app, state, phase, at);
  const what = phase.kind === "moving" ? "the front has not answered" : "the new version doesn't listen";
  return giveUp(app, state, phase, { outcome: "timeout", message: what });
}

/** The same again, as far as it isn't known to have been done. */
export function resumeSwap(app: App, { supervisor }: AppState, phase: SwapPhase, at: Instant): readonly Effect[] {
  const { attempt } = phase;
  if (phase.kind === "moving") return [move(app, attempt, phase.port, at)];
  if (phase.kind === "committing") {
    return supervisor?.port === phase.port ? [] : [{ kind: "command", line: `commit id=${attempt.id}` }];
  }
  return supervisor?.lastRequest === attempt.id ? [] : [{ kind: "command", line: `swap id=${attempt.id}` }];
}

/** The front follows the present process, also where another helper, or a hand, has moved it. */
export function follows(app: App, before: AppState, after: AppState): readonly Effect[] {
  const port = after.supervisor?.port;
  if (app.swap === undefined || port === undefined || port === before.supervisor?.port) return [];
  const { kind } = before.phase;
  if (kind === "moving" || kind === "committing") return [];
  return [{ kind: "move", id: "follow", port, drainMs: 0 }];
}

function committed(app: App, state: AppState, { attempt, port }: SwapPhase & { port: number }, at: Instant): Decision {
  const listeners = state.listening[port] ?? [];
  const moved: AppState = { ...state, listeners, listenersSince: attempt.servedAt ?? at };
  const stopped: Attempt = { ...attempt, stoppedAt: at };
  if (!attempt.ready) return finish(app, moved, stopped, { outcome: "served" });
  return { state: withAttempt(moved, { kind: "settling", attempt: stopped }), effects: [] };
}

/** The old process serves as before; the new one is ended. */
function giveUp(
  app: App,
  state: AppState,
  { kind, attempt }: SwapPhase,
  end: { outcome: Outcome; message: string; exit?: { code: number | null; signal: string | null } },
): Decision {
  // It never served anybody, or no longer does.
  const { servedAt: _, ...unserved } = attempt;
  const ended = finish(app, state, unserved, { ...end, message: `${end.message}: the old one goes on serving` });
  const back: readonly Effect[] =
    kind === "moving" ? [{ kind: "move", id: "back", port: presentPort(app, state), drainMs: 0 }] : [];
  return { ...ended, effects: [...back, { kind: "command", line: `abort id=${attempt.id}` }, ...ended.effects] };
}

function presentPort(app: App, { supervisor }: AppState): number {
  return supervisor?.port ?? app.swap?.ports[0] ?? app.port ?? 0;
}

function move({ front }: App, attempt: Attempt, port: number, at: Instant): Effect {
  const left = Math.max(0, attempt.deadline - at);
  return { kind: "move", id: attempt.id, port, drainMs: Math.min(front?.drainMs ?? 0, Math.round(left / 2)) };
}
