import { unchanged } from "./attempt.ts";
import { commandOf } from "./on-request.ts";
import type { AppState, Decision } from "./phase.ts";

/**
 * Does again what an earlier controller had decided and may not have done. Only what is safe to do twice: putting the
 * file back is, and a supervisor tells which command it took last. Taking the file away is not: a probe may have put it
 * back since, so that is left to the patience of "consumed".
 */
export function onResumed(state: AppState): Decision {
  const { phase, supervisor } = state;
  if (phase.kind === "armed" && phase.withdrawing) return { state, effects: [{ kind: "restore-liveness" }] };
  if (phase.kind === "signalled" && supervisor?.lastRequest !== phase.attempt.id) {
    return { state, effects: [{ kind: "command", line: commandOf(phase.attempt) }] };
  }
  if (phase.kind === "patching" && phase.attempt.alias !== undefined) {
    return { state, effects: [{ kind: "patch-image", ...phase.attempt.alias }] };
  }
  return unchanged(state);
}
