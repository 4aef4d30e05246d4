import { arm } from "./arm.ts";
import { finish, startingOrServed, unasked, unchanged } from "./attempt.ts";
import type { AppState, Decision, EventOf, Listeners } from "./phase.ts";
import type { App } from "./types.ts";

const replaced = (before: Listeners, now: Listeners) => now.length > 0 && !now.some((inode) => before.includes(inode));
const gone = (before: Listeners, now: Listeners) => !now.some((inode) => before.includes(inode));
// Somebody else may listen on the app's port too (`npm start` in the IDE's terminal) and go on through every restart. So where a
// restart has been told of, one socket's end is the old process's end, and one new socket is the new process.
const left = (before: Listeners, now: Listeners) => before.some((inode) => !now.includes(inode));
const appeared = (before: Listeners, now: Listeners) => now.some((inode) => !before.includes(inode));
const same = (a: Listeners, b: Listeners) => a.length === b.length && a.every((inode, i) => inode === b[i]);

export function onListeners(app: App, before: AppState, { listeners, at }: EventOf<"listeners">): Decision {
  if (same(before.listeners, listeners)) return unchanged(before);
  const change = before.phase.kind === "idle" ? replaced : appeared;
  const fresh = change(before.listeners, listeners);
  const state: AppState = {
    ...before,
    listeners,
    overdue: before.overdue && !fresh,
    listenersSince: fresh || listeners.length === 0 ? at : before.listenersSince,
  };
  const { phase } = state;
  switch (phase.kind) {
    case "idle":
      return onListenersUnasked(app, before, state, at);
    case "waiting":
      if (listeners.length === 0) return unchanged(state);
      return arm(app, state, { ...phase.attempt, before: listeners }, at);
    case "armed":
      // It restarted by itself before a probe took the request: that answers it, if the request can still be taken back.
      if (phase.withdrawing || phase.attempt.before.length === 0 || !gone(phase.attempt.before, listeners)) {
        return unchanged(state);
      }
      return {
        state: {
          ...state,
          phase: { ...phase, attempt: { ...phase.attempt, stoppedAt: at }, withdrawing: true },
        },
        effects: [{ kind: "restore-liveness" }],
      };
    case "consumed":
    case "patching":
    case "signalled":
      if (phase.attempt.before.length > 0 && !left(phase.attempt.before, listeners)) return unchanged(state);
      if (phase.kind === "signalled" && phase.attempt.before.length === 0 && phase.attempt.startedAt === undefined) {
        return unchanged(state);
      }
      return startingOrServed(app, state, { ...phase.attempt, stoppedAt: phase.attempt.stoppedAt ?? at }, at);
    case "starting":
      return appeared(phase.attempt.before, listeners)
        ? startingOrServed(app, state, phase.attempt, at)
        : unchanged(state);
    case "draining":
    case "swapping":
    case "moving":
    case "committing":
    case "settling":
      return unchanged(state);
  }
}

/** Nobody asked: the app came up for the first time, ended, or came back by itself. */
function onListenersUnasked(app: App, before: AppState, state: AppState, at: number): Decision {
  if (state.listeners.length === 0 || !replaced(before.listeners, state.listeners)) return unchanged(state);
  if (before.generation === 0) return unchanged({ ...state, generation: 1 });
  if (before.overdue) return unchanged({ ...state, generation: state.generation + 1 });
  const goneAt = before.listeners.length === 0 ? (before.listenersSince ?? at) : at;
  const attempt = unasked(state, "itself", `self-${Math.round(at)}`, goneAt);
  return finish(
    app,
    app.process ? state : { ...state, exits: [...state.exits, { at: goneAt, by: "itself" }] },
    {
      ...attempt,
      how: app.process ? "process" : "container",
      stoppedAt: goneAt,
      servedAt: at,
    },
    { outcome: "served", message: "the app restarted by itself" },
  );
}
