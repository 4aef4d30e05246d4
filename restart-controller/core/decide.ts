import { armAfterAlias } from "./arm.ts";
import { finish, unchanged } from "./attempt.ts";
import { onHeld, releases } from "./on-front.ts";
import { onListeners } from "./on-listeners.ts";
import { onLiveness, onWithdrawn } from "./on-liveness.ts";
import { beginNext, onRequest } from "./on-request.ts";
import { onResumed } from "./on-resumed.ts";
import { onSupervisor } from "./on-supervisor.ts";
import { follows, onMoved, onSwapListeners } from "./on-swap.ts";
import { onTick, rearmPoint } from "./on-tick.ts";
import type { AppState, Decision, Event, Instant, Phase } from "./phase.ts";
import { aliveMeansServed, lateGrace } from "./timing.ts";
import type { App } from "./types.ts";

/**
 * The whole restart policy: every rule about restarts is a branch here or in the file it calls.
 * Pure: the same app, state and event always give the same decision.
 */
export function decide(app: App, state: AppState, event: Event): Decision {
  const decided = decideOne(app, state, event);
  const opened = [...releases(app, state.phase, decided.state.phase), ...follows(app, state, decided.state)];
  const decision = opened.length === 0 ? decided : { ...decided, effects: [...decided.effects, ...opened] };
  const { phase, next } = decision.state;
  if (phase.kind !== "idle" || next === null) return decision;
  const begun = beginNext(app, decision.state, next, event.at);
  return { ...decision, state: begun.state, effects: [...decision.effects, ...begun.effects] };
}

function decideOne(app: App, state: AppState, event: Event): Decision {
  switch (event.kind) {
    case "request":
      return onRequest(app, state, event.request, event.at);
    case "listeners":
      return app.swap === undefined ? onListeners(app, state, event) : onSwapListeners(app, state, event);
    case "liveness":
      return onLiveness(app, state, event);
    case "supervisor":
      return onSupervisor(app, state, event);
    case "withdrawn":
      return onWithdrawn(app, state, event);
    case "patch-failed":
      return state.phase.kind === "patching"
        ? armAfterAlias(app, state, state.phase.attempt, event.at, event.why)
        : unchanged(state);
    case "ready":
      return state.phase.kind === "settling"
        ? finish(app, state, state.phase.attempt, { outcome: "served", readyAt: event.at })
        : unchanged(state);
    case "failed":
      return state.phase.kind === "idle"
        ? unchanged(state)
        : finish(app, state, state.phase.attempt, { outcome: "refused", message: event.why });
    case "held":
      return onHeld(state, event);
    case "moved":
      return onMoved(app, state, event);
    case "tick":
      return onTick(app, state, event.at);
    case "resumed":
      return onResumed(app, state, event.at);
  }
}

/** When the policy wants its next tick, or null when only an event can change anything. */
export function wakeAt(app: App, phase: Phase): Instant | null {
  switch (phase.kind) {
    case "idle":
      return null;
    case "armed":
      return phase.withdrawing ? phase.attempt.deadline + lateGrace : phase.attempt.deadline;
    case "consumed":
      return Math.min(phase.attempt.deadline, rearmPoint(app, phase) ?? Infinity);
    case "starting":
      return Math.min(phase.attempt.deadline, (phase.aliveSince ?? Infinity) + aliveMeansServed);
    case "waiting":
    case "patching":
    case "draining":
    case "swapping":
    case "moving":
    case "committing":
    case "signalled":
    case "settling":
      return phase.attempt.deadline;
  }
}
