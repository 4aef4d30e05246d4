import { finish, startingOrServed, unchanged, withAttempt } from "./attempt.ts";
import { imageIgnored, neverListened, notServed, notTaken, wentOn } from "./explain.ts";
import { onSwapTick } from "./on-swap.ts";
import type { AppState, Decision, Instant, Phase } from "./phase.ts";
import { aliveMeansServed, lateGrace, maxArms, rearmAfter } from "./timing.ts";
import type { App } from "./types.ts";

export function onTick(app: App, state: AppState, at: Instant): Decision {
  const { phase } = state;
  if (phase.kind === "idle") return unchanged(state);
  const { attempt } = phase;
  const late = at >= attempt.deadline;
  switch (phase.kind) {
    case "waiting":
      if (!late) return unchanged(state);
      return finish(app, state, attempt, {
        outcome: "refused",
        message: neverListened(app, at - attempt.askedAt),
      });
    case "armed":
      if (phase.withdrawing) {
        return at < attempt.deadline + lateGrace
          ? unchanged(state)
          : finish(app, state, attempt, { outcome: "timeout", message: notTaken(at - attempt.askedAt) });
      }
      // Taken back, so that a probe that wakes up later doesn't restart an app nobody expects to restart any more.
      return late
        ? { state: { ...state, phase: { ...phase, withdrawing: true } }, effects: [{ kind: "restore-liveness" }] }
        : unchanged(state);
    case "consumed": {
      if (late) {
        return finish(app, state, attempt, {
          outcome: "timeout",
          message: wentOn(phase.arms),
        });
      }
      const rearm = rearmPoint(app, phase);
      return rearm !== null && at >= rearm
        ? {
            state: withAttempt(state, { kind: "armed", attempt, arms: phase.arms + 1, withdrawing: false }),
            effects: [{ kind: "remove-liveness" }],
          }
        : unchanged(state);
    }
    case "patching":
      return late
        ? finish(app, state, attempt, { outcome: "timeout", message: imageIgnored(attempt.alias?.to ?? "") })
        : unchanged(state);
    case "draining":
      return late
        ? finish(app, state, attempt, { outcome: "timeout", message: "the front has not answered" })
        : unchanged(state);
    case "swapping":
    case "moving":
    case "committing":
      return onSwapTick(app, state, phase, at);
    case "signalled":
      return late
        ? finish(app, state, attempt, {
            outcome: "timeout",
            message: "the supervisor was told but the old process still listens",
          })
        : unchanged(state);
    case "starting":
      if (app.port === null && phase.aliveSince !== null && at >= phase.aliveSince + aliveMeansServed) {
        return startingOrServed(app, state, attempt, at);
      }
      return late
        ? finish(app, state, attempt, { outcome: "timeout", message: notServed(app, attempt.how) })
        : unchanged(state);
    case "settling":
      return late
        ? finish(app, state, attempt, {
            outcome: "timeout",
            message: "the app is served but its readiness path has not answered 2xx",
          })
        : unchanged(state);
  }
}

/** When to believe that the consumed request was lost, or null when it has been armed often enough. */
export function rearmPoint(app: App, phase: Extract<Phase, { kind: "consumed" }>): Instant | null {
  return phase.arms < maxArms ? phase.since + rearmAfter(app.threshold) : null;
}
