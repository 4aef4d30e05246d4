import { commandOf, unchanged } from "./attempt.ts";
import { hold } from "./on-front.ts";
import { resumeSwap } from "./on-swap.ts";
import type { AppState, Decision, Instant } from "./phase.ts";
import type { App } from "./types.ts";

/**
 * Does again what an earlier controller had decided and may not have done. Only what is safe to do twice: putting the
 * file back is, and a supervisor tells which command it took last. Taking the file away is not: a probe may have put it
 * back since, so that is left to the patience of "consumed".
 */
export function onResumed(app: App, state: AppState, at: Instant): Decision {
  const { phase, supervisor } = state;
  if (app.front !== undefined) {
    if (phase.kind === "draining") return { state, effects: [hold(app.front, phase.attempt, at)] };
    if (phase.kind === "idle") return { state, effects: [{ kind: "release" }] };
  }
  if (phase.kind === "swapping" || phase.kind === "moving" || phase.kind === "committing") {
    return { state, effects: resumeSwap(app, state, phase, at) };
  }
  if (phase.kind === "armed" && phase.withdrawing) return { state, effects: [{ kind: "restore-liveness" }] };
  if (phase.kind === "signalled" && supervisor?.lastRequest !== phase.attempt.id) {
    return { state, effects: [{ kind: "command", line: commandOf(phase.attempt) }] };
  }
  if (phase.kind === "patching" && phase.attempt.alias !== undefined) {
    return { state, effects: [{ kind: "patch-image", ...phase.attempt.alias }] };
  }
  return unchanged(state);
}
