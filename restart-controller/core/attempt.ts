import { recordOf } from "./phase.ts";
import type { AppState, Attempt, Decision, Instant, Phase } from "./phase.ts";
import { aliveMeansServed, unaskedTimeout } from "./timing.ts";
import type { App, Exit, Origin, Outcome } from "./types.ts";

/** The kubelet forgets after ten minutes, and five entries reach its longest wait. */
const exitsKept = 16;

export function withAttempt(state: AppState, phase: Phase): AppState {
  return { ...state, phase };
}

export function unchanged(state: AppState): Decision {
  return { state, effects: [] };
}

/** A restart that nobody asked the controller for. */
export function unasked(state: AppState, origin: Origin, id: string, at: Instant): Attempt {
  return {
    id,
    how: "container",
    origin,
    askedAt: at,
    deadline: at + unaskedTimeout,
    ready: false,
    now: false,
    before: state.listeners,
    ...(state.supervisor === null
      ? {}
      : { supervisorBefore: { generation: state.supervisor.generation, startedAt: state.supervisor.startedAt } }),
  };
}

/** The old process is gone: served if another one listens already, else starting. */
export function startingOrServed(app: App, state: AppState, attempt: Attempt, at: Instant): Decision {
  if (!isServed(app, state, attempt, at)) {
    const aliveSince = app.port === null ? (attempt.startedAt ?? null) : null;
    return {
      state: withAttempt(state, { kind: "starting", attempt, aliveSince }),
      effects: [{ kind: "record", record: recordOf(app, attempt) }],
    };
  }
  const served: Attempt = { ...attempt, servedAt: attempt.servedAt ?? servedSince(app, state, at) };
  if (!served.ready) return finish(app, state, served, { outcome: "served" });
  return {
    state: withAttempt(state, { kind: "settling", attempt: served }),
    effects: [{ kind: "record", record: recordOf(app, served) }],
  };
}

function isServed(app: App, state: AppState, attempt: Attempt, at: Instant): boolean {
  if (app.port === null) return attempt.startedAt !== undefined && at >= attempt.startedAt + aliveMeansServed;
  // Where a supervisor tells, its word that the process is new comes first: an inode alone could be a sibling's.
  const told = attempt.how !== "process" || attempt.startedAt !== undefined;
  return told && state.listeners.some((inode) => !attempt.before.includes(inode));
}

/** The listener may have been seen before the supervisor's word that its process is the new one. */
function servedSince(app: App, state: AppState, at: Instant): Instant {
  return app.port === null ? at : (state.listenersSince ?? at);
}

/** Ends the attempt, counts it, and says so. */
export function finish(
  app: App,
  state: AppState,
  attempt: Attempt,
  end: { outcome: Outcome; message?: string; exit?: Exit; readyAt?: Instant },
): Decision {
  const happened = attempt.stoppedAt !== undefined;
  const { restarts } = state;
  return {
    state: {
      ...state,
      phase: { kind: "idle" },
      generation: attempt.servedAt === undefined ? state.generation : state.generation + 1,
      overdue: happened ? attempt.servedAt === undefined : state.overdue,
      restarts: happened ? { ...restarts, [attempt.how]: restarts[attempt.how] + 1 } : restarts,
      containerExits:
        happened && attempt.how === "container" && attempt.origin !== "itself"
          ? [...state.containerExits, attempt.stoppedAt].slice(-exitsKept)
          : state.containerExits.slice(-exitsKept),
    },
    effects: [
      { kind: "record", record: recordOf(app, attempt, { ...end, others: happened ? othersOf(state, attempt) : 0 }) },
    ],
  };
}

/** Listeners beside the new process's that the restart has left alone: not the app's. */
function othersOf({ listeners }: AppState, { before }: Attempt): number {
  const stayed = listeners.filter((inode) => before.includes(inode)).length;
  return stayed < listeners.length ? stayed : 0;
}
