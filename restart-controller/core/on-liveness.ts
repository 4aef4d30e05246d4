import { noteFor } from "./arm.ts";
import { finish, startingOrServed, unasked, unchanged } from "./attempt.ts";
import { notTaken } from "./explain.ts";
import { recordOf } from "./phase.ts";
import type { AppState, Decision, EventOf } from "./phase.ts";
import { lateGrace, maxArms } from "./timing.ts";
import type { App } from "./types.ts";

export function onLiveness(app: App, state: AppState, event: EventOf<"liveness">): Decision {
  const { phase } = state;
  if (!event.present) {
    if (phase.kind !== "idle") return unchanged(state);
    const attempt = { ...unasked(state, "hand", event.id, event.at), ...noteFor(app, state, event.at) };
    return {
      state: { ...state, phase: { kind: "armed", attempt, arms: 1, withdrawing: false } },
      effects: [{ kind: "record", record: recordOf(app, attempt) }],
    };
  }
  if (phase.kind !== "armed" || phase.withdrawing) return unchanged(state);
  return unchanged({
    ...state,
    phase: { kind: "consumed", attempt: phase.attempt, arms: phase.arms, since: event.at },
  });
}

export function onWithdrawn(app: App, state: AppState, event: EventOf<"withdrawn">): Decision {
  const { phase } = state;
  if (phase.kind !== "armed" || !phase.withdrawing) return unchanged(state);
  const { attempt } = phase;
  if (attempt.stoppedAt !== undefined) {
    // The app went away while armed. Won: its own restart is the answer. Lost: a probe took the request, which is why it went.
    return startingOrServed(app, state, attempt, event.at);
  }
  if (event.won) {
    return finish(app, state, attempt, { outcome: "timeout", message: notTaken(event.at - attempt.askedAt) });
  }
  return unchanged({
    ...state,
    phase: {
      kind: "consumed",
      attempt: { ...attempt, deadline: event.at + lateGrace },
      arms: maxArms,
      since: event.at,
    },
  });
}
