import { commandOf, seenBefore, unchanged } from "./attempt.ts";
import type { AppState, Attempt, Decision, Effect, EventOf, Instant, Phase } from "./phase.ts";
import type { App } from "./types.ts";

/** A front that is never released opens by itself this long after the attempt has been given up. */
const holdGrace = 1000;

/** The first step of a process restart behind a front. Asking for it twice holds once. */
export function hold(front: NonNullable<App["front"]>, attempt: Attempt, at: Instant): Effect {
  const left = Math.max(0, attempt.deadline - at);
  return {
    kind: "hold",
    id: attempt.id,
    timeoutMs: left + holdGrace,
    // `now` means now; and a drain must leave time for the restart.
    drainMs: attempt.now ? 0 : Math.min(front.drainMs, Math.round(left / 2)),
  };
}

/** Drained, or as drained as it gets: the process is replaced either way, because somebody asked for that. */
export function onHeld(state: AppState, { id, left, at }: EventOf<"held">): Decision {
  const { phase } = state;
  if (phase.kind !== "draining" || phase.attempt.id !== id) return unchanged(state);
  const attempt: Attempt = {
    ...phase.attempt,
    ...seenBefore(state),
    ...(left === null ? {} : { drainedAt: at, left }),
  };
  return {
    state: { ...state, phase: { kind: "signalled", attempt } },
    effects: [{ kind: "command", line: commandOf(attempt) }],
  };
}

/** Whatever ends a restart, or makes it serve, lets the requests in that waited for it. */
export function releases(app: App, before: Phase, after: Phase): readonly Effect[] {
  return holds(app, before) && !holds(app, after) ? [{ kind: "release" }] : [];
}

function holds(app: App, phase: Phase): boolean {
  if (app.front === undefined) return false;
  const { kind } = phase;
  if (kind !== "draining" && kind !== "signalled" && kind !== "starting") return false;
  // Nobody could hold before a restart that nobody asked for.
  return phase.attempt.how === "process" && phase.attempt.origin === "request";
}
