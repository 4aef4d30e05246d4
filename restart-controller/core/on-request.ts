import { arm, beginDown, ownExit, runningWait } from "./arm.ts";
import { commandOf, finish, seenBefore, unchanged } from "./attempt.ts";
import { mergedWait } from "./explain.ts";
import { hold } from "./on-front.ts";
import { beginSwap, canSwap } from "./on-swap.ts";
import { recordOf } from "./phase.ts";
import type { AppState, Attempt, Decision, Instant, Phase, Reply, Request } from "./phase.ts";
import type { App, How } from "./types.ts";

/** A request: merged with the restart under way, refused with the reason, begun, or begun after the one under way. */
export function onRequest(app: App, state: AppState, request: Request, at: Instant): Decision {
  if (state.phase.kind !== "idle" && answers(state.phase, state, request, at)) {
    const { attempt } = state.phase;
    return {
      state: { ...state, phase: { ...state.phase, attempt: { ...attempt, ready: attempt.ready || request.ready } } },
      effects: [],
      reply: { kind: "merged", into: attempt.id, how: attempt.how, ...mergedWait(attempt, at) },
    };
  }
  if (state.next !== null) {
    const next = { ...state.next, ready: state.next.ready || request.ready };
    return { state: { ...state, next }, effects: [], reply: { kind: "merged", into: next.id, how: next.how } };
  }
  const how = request.how === "auto" ? fastest(app, state) : request.how;
  const refusal = refuse(app, how);
  if (refusal !== null) return { state, effects: [], reply: refusal };

  const attempt: Attempt = {
    id: request.id,
    how,
    origin: request.origin ?? "request",
    askedAt: at,
    deadline: at + request.timeoutMs,
    ready: request.ready,
    now: request.now,
    ...seenBefore(state),
  };
  if (state.phase.kind !== "idle") {
    return {
      state: { ...state, next: attempt },
      effects: [{ kind: "record", record: recordOf(app, attempt) }],
      reply: {
        kind: "accepted",
        id: request.id,
        how,
        note: `restart ${state.phase.attempt.id} is under way and its process may have started before you asked: this one follows it`,
      },
    };
  }
  const begun = begin(app, state, attempt, at, request.force);
  const { phase } = begun.state;
  const note =
    phase.kind === "waiting"
      ? `nothing listens on port ${app.port} yet: waiting for the app before restarting it (--force doesn't wait)`
      : phase.kind === "idle"
        ? undefined
        : phase.attempt.note;
  return { ...begun, reply: { kind: "accepted", id: request.id, how, ...(note === undefined ? {} : { note }) } };
}

/** Begins what was asked for during the restart that has just ended. */
export function beginNext(app: App, state: AppState, next: Attempt, at: Instant): Decision {
  const free: AppState = { ...state, next: null };
  if (at >= next.deadline) {
    return finish(app, free, next, {
      outcome: "timeout",
      message: "the restart before this one took all its time, so it was not begun",
    });
  }
  return begin(app, free, { ...next, ...seenBefore(free) }, at, false);
}

function begin(app: App, state: AppState, attempt: Attempt, at: Instant, force: boolean): Decision {
  const begun = beginBy(app, state, attempt, at, force);
  const { phase } = begun.state;
  const known = phase.kind === "idle" ? attempt : phase.attempt;
  return { ...begun, effects: [{ kind: "record", record: recordOf(app, known) }, ...begun.effects] };
}

function beginBy(app: App, state: AppState, attempt: Attempt, at: Instant, force: boolean): Decision {
  if (attempt.how === "process" && canSwap(app, state, attempt)) return beginSwap(state, attempt);
  if (attempt.how === "process" && app.front !== undefined) {
    return { state: { ...state, phase: { kind: "draining", attempt } }, effects: [hold(app.front, attempt, at)] };
  }
  if (attempt.how === "process") {
    return {
      state: { ...state, phase: { kind: "signalled", attempt } },
      effects: [{ kind: "command", line: commandOf(attempt) }],
    };
  }
  // A held crash is down on purpose: there's nothing to wait for, a container restart is what brings it back.
  const held = state.supervisor?.phase === "crashed" || state.supervisor?.phase === "stopped";
  const own = ownExit(app, state);
  if (own !== null && runningWait(app, state, at) !== null) return beginDown(app, state, attempt, own, at);
  if (app.port !== null && state.listeners.length === 0 && !force && !held) {
    return unchanged({ ...state, phase: { kind: "waiting", attempt } });
  }
  return arm(app, state, attempt, at);
}

/**
 * True when the process that the restart under way brings up is sure to be younger than the request: what was saved
 * just before asking must be what is served. Nobody tells when the kubelet spawns it, so there the old one's end counts.
 */
function answers(phase: Exclude<Phase, { kind: "idle" }>, state: AppState, request: Request, at: Instant): boolean {
  if (request.how === "container" && phase.attempt.how === "process") return false;
  if (phase.kind === "settling" || phase.kind === "moving" || phase.kind === "committing") return false;
  if (phase.kind === "swapping") return phase.attempt.startedAt === undefined;
  if (phase.attempt.waitsUntil !== undefined && at < phase.attempt.waitsUntil) return true;
  return phase.kind !== "starting" || (state.supervisor !== null && phase.attempt.startedAt === undefined);
}

/** A process restart takes milliseconds; it needs a supervisor that is really there. */
export function fastest(app: App, state: AppState): How {
  return app.process && (state.supervisor !== null || !app.container) ? "process" : "container";
}

function refuse(app: App, how: How): Reply | null {
  if (how === "process" && !app.process) {
    return {
      kind: "refused",
      code: "INPOD_RESTART_UNSUPERVISED",
      title: `app "${app.name}" doesn't run under kit supervise, so its process can't be restarted alone`,
      fix: "use --container, or give app.command in the chart's values",
    };
  }
  if (how === "container" && !app.container) {
    return {
      kind: "refused",
      code: "INPOD_RESTART_UNPROBED",
      title: `app "${app.name}" has no liveness probe of inpod's, so its container can't be restarted`,
      fix: "use --process, or leave the chart's probe on",
    };
  }
  if (how === "container" && app.port === null && !app.process) {
    return {
      kind: "refused",
      code: "INPOD_RESTART_BLIND",
      title: `app "${app.name}" has no port, so inpod could not see when it is served again`,
      fix: "give app.ports, or app.command so that the supervisor tells",
    };
  }
  return null;
}
