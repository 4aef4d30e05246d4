import { finish, isNewProcess, startingOrServed, unasked, unchanged } from "./attempt.ts";
import { exitText } from "./explain.ts";
import { onSwapSupervisor } from "./on-swap.ts";
import type { AppState, Decision, EventOf, SupervisorState } from "./phase.ts";
import type { App } from "./types.ts";

export function onSupervisor(app: App, before: AppState, event: EventOf<"supervisor">): Decision {
  const state: AppState = { ...before, supervisor: event.state };
  const now = event.state;
  if (now === null) return unchanged(state);
  const { phase } = state;
  switch (phase.kind) {
    case "idle":
      return onSupervisorUnasked(app, before, state, now, event);
    case "swapping":
    case "moving":
    case "committing":
      return onSwapSupervisor(app, state, phase, now, event.at);
    case "waiting":
    case "armed":
    case "draining":
    case "settling":
      return unchanged(state);
    case "consumed":
    case "patching":
    case "signalled":
    case "starting": {
      if (!isNewProcess(phase.attempt.supervisorBefore, now)) return unchanged(state);
      const attempt = {
        ...phase.attempt,
        startedAt: now.startedAt,
        stoppedAt: (phase.attempt.how === "process" ? now.stoppedAt : undefined) ?? phase.attempt.stoppedAt ?? event.at,
      };
      if (now.phase === "crashed") {
        return finish(app, state, attempt, {
          outcome: "crashed",
          message: `the app ${exitText(now)} before it served`,
          ...(now.lastExit === undefined ? {} : { exit: now.lastExit }),
        });
      }
      return startingOrServed(app, state, attempt, event.at);
    }
  }
}

function onSupervisorUnasked(
  app: App,
  before: AppState,
  state: AppState,
  now: SupervisorState,
  { at, id }: EventOf<"supervisor">,
): Decision {
  const old = before.supervisor;
  if (old === null) return unchanged(state);
  if (now.phase === "crashed" && old.phase !== "crashed") {
    return finish(
      app,
      state,
      { ...unasked(before, "itself", id, at), how: "process", stoppedAt: at },
      {
        outcome: "crashed",
        message: `the app ${exitText(now)}; it starts again at the next restart`,
        ...(now.lastExit === undefined ? {} : { exit: now.lastExit }),
      },
    );
  }
  if (now.generation > old.generation) {
    const attempt = {
      ...unasked(before, "hand", now.lastRequest ?? id, now.stoppedAt ?? at),
      how: "process" as const,
      stoppedAt: now.stoppedAt ?? at,
      startedAt: now.startedAt,
    };
    return startingOrServed(app, state, attempt, at);
  }
  return unchanged(state);
}
