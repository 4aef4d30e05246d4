import { settingsOf } from "./arm.ts";
import { requeueSlack, startsAfter } from "./backoff.ts";
import type { ContainerExit } from "./backoff.ts";
import { recordOf } from "./phase.ts";
import type { AppState, Attempt, Decision, Instant, Phase, SupervisorState } from "./phase.ts";
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

/** The line for the supervisor's FIFO. */
export function commandOf({ id, now }: Attempt): string {
  return `restart ${now ? "now " : ""}id=${id}`;
}

/** Who listens and what the supervisor runs, so that a new one can be told from it. */
export function seenBefore(state: AppState): Pick<Attempt, "before" | "supervisorBefore"> {
  const { listeners, supervisor } = state;
  return {
    before: listeners,
    ...(supervisor === null
      ? {}
      : { supervisorBefore: { generation: supervisor.generation, startedAt: supervisor.startedAt } }),
  };
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
    const waiting = withWait(app, state, attempt);
    return {
      state: withAttempt(state, { kind: "starting", attempt: waiting, aliveSince }),
      effects: [{ kind: "record", record: recordOf(app, waiting) }],
    };
  }
  const served: Attempt = { ...attempt, servedAt: attempt.servedAt ?? servedSince(app, state, at) };
  if (!served.ready) return finish(app, state, served, { outcome: "served" });
  return {
    state: withAttempt(state, { kind: "settling", attempt: served }),
    effects: [{ kind: "record", record: recordOf(app, served) }],
  };
}

/** The container has ended: what the kubelet's back-off takes is not the restart's own time. */
function withWait(app: App, state: AppState, attempt: Attempt): Attempt {
  const { stoppedAt } = attempt;
  const exits = exitsOf(attempt);
  if (stoppedAt === undefined || exits.length === 0 || attempt.waitsUntil !== undefined) return attempt;
  const waitsUntil = startsAfter([...state.exits, ...exits], settingsOf(app));
  const wait = waitsUntil - stoppedAt;
  return wait === 0 ? attempt : { ...attempt, waitsUntil, deadline: attempt.deadline + wait + requeueSlack(wait) };
}

/** What this restart is to the kubelet's account. */
function exitsOf({ how, origin, stoppedAt: at, alias, wasDown }: Attempt): readonly ContainerExit[] {
  if (at === undefined || how !== "container" || origin === "itself") return [];
  const asked: readonly ContainerExit[] = alias === undefined ? [] : [{ at, by: "alias" }];
  if (wasDown) return [{ at, by: "itself" }, ...asked];
  return asked.length === 0 ? [{ at, by: "kill" }] : asked;
}

function isServed(app: App, state: AppState, attempt: Attempt, at: Instant): boolean {
  const { supervisor } = state;
  if (supervisor !== null && holdsPort(app, supervisor)) {
    return isNewProcess(attempt.supervisorBefore, supervisor) && supervisor.readyAt !== undefined;
  }
  if (app.port === null) return attempt.startedAt !== undefined && at >= attempt.startedAt + aliveMeansServed;
  // Where a supervisor tells, its word that the process is new comes first: an inode alone could be a sibling's.
  const told = attempt.how !== "process" || attempt.startedAt !== undefined;
  return told && state.listeners.some((inode) => !attempt.before.includes(inode));
}

/** The supervisor holds the app's listening socket, so its own word tells when a new process serves: the inode stays. */
export function holdsPort(app: App, { held }: SupervisorState): boolean {
  return app.port !== null && held !== undefined && held.includes(app.port);
}

export function isNewProcess(
  before: { generation: number; startedAt: number } | undefined,
  now: SupervisorState,
): boolean {
  return before === undefined || now.generation > before.generation || now.startedAt > before.startedAt;
}

/** The listener may have been seen before the supervisor's word that its process is the new one. */
function servedSince(app: App, state: AppState, at: Instant): Instant {
  if (state.supervisor !== null && holdsPort(app, state.supervisor)) return state.supervisor.readyAt ?? at;
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
      exits: [...state.exits, ...exitsOf(attempt)].slice(-exitsKept),
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
