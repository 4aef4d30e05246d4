import { forecast, recentExits, requeueSlack, settingsWith, startsAfter } from "./backoff.ts";
import type { BackoffSettings, ContainerExit, Forecast } from "./backoff.ts";
import { aliasNote, downNote, noDigest, waitNote } from "./explain.ts";
import { aliasOf } from "./image-reference.ts";
import { recordOf } from "./phase.ts";
import type { AppState, Attempt, Decision, Instant } from "./phase.ts";
import { soonestKill } from "./timing.ts";
import type { App } from "./types.ts";

export const settingsOf = (app: App): BackoffSettings => settingsWith(app.maxRestartPeriod);

/** What a container restart asked at `at` would cost in back-off. */
export function priceOf(app: App, state: AppState, at: Instant): Forecast {
  return forecast(state.exits, at + soonestKill(app.threshold), settingsOf(app));
}

/**
 * Begins a container restart: by another tag on its image where a wait is due and the chart allows that, else by the
 * liveness file, with what it will cost as a note.
 */
export function arm(app: App, state: AppState, attempt: Attempt, at: Instant): Decision {
  const price = priceOf(app, state, at);
  if (price.wait === 0) return armFile(state, attempt);
  if (app.alias !== true) return armFile(state, { ...attempt, note: noteOf(app, state, price, at) });
  return (
    armAlias(app, state, { ...attempt, note: aliasNote(price.wait) }, at) ??
    armFile(state, { ...attempt, note: noteOf(app, state, price, at, noDigest(app)) })
  );
}

/** The image string couldn't be changed: the liveness file can, at the price of the wait. */
export function armAfterAlias(app: App, state: AppState, failed: Attempt, at: Instant, why: string): Decision {
  const { alias, ...attempt } = failed;
  const free: AppState = { ...state, image: alias?.from ?? state.image };
  const begun = attempt.wasDown
    ? joinKubelet(app, free, attempt, at, why)
    : armFile(free, { ...attempt, note: noteOf(app, free, priceOf(app, free, at), at, why) });
  const { phase } = begun.state;
  const known = phase.kind === "idle" ? attempt : phase.attempt;
  return { ...begun, effects: [{ kind: "record", record: recordOf(app, known) }, ...begun.effects] };
}

/**
 * The app ended by itself and the kubelet makes it wait. Under another string of its image it may start at once; else the
 * kubelet's own start answers the request, as its process will be younger. Killing that one would cost a second wait.
 */
export function beginDown(app: App, state: AppState, attempt: Attempt, exit: ContainerExit, at: Instant): Decision {
  const down: Attempt = { ...attempt, stoppedAt: exit.at, wasDown: true };
  const left = startsAfter([...state.exits, exit], settingsOf(app)) - at;
  if (app.alias !== true) return joinKubelet(app, state, down, at);
  return (
    armAlias(app, state, { ...down, note: aliasNote(left) }, at) ?? joinKubelet(app, state, down, at, noDigest(app))
  );
}

function joinKubelet(app: App, state: AppState, attempt: Attempt, at: Instant, why?: string): Decision {
  const exits: readonly ContainerExit[] = [...state.exits, { at: attempt.stoppedAt ?? at, by: "itself" }];
  const waitsUntil = startsAfter(exits, settingsOf(app));
  const left = Math.max(0, waitsUntil - at);
  const waiting: Attempt = {
    ...attempt,
    waitsUntil,
    deadline: attempt.deadline + left + requeueSlack(left),
    note: downNote(app, left, recentExits(exits, at), why),
  };
  return { state: { ...state, phase: { kind: "starting", attempt: waiting, aliveSince: null } }, effects: [] };
}

/** Null when the image has no digest to hang another tag on. */
function armAlias(app: App, state: AppState, attempt: Attempt, at: Instant): Decision | null {
  const from = state.image ?? app.image;
  const to = from === undefined ? null : aliasOf(from, at);
  if (from === undefined || to === null) return null;
  return {
    state: { ...state, image: to, phase: { kind: "patching", attempt: { ...attempt, alias: { from, to } } } },
    effects: [{ kind: "patch-image", from, to }],
  };
}

function armFile(state: AppState, attempt: Attempt): Decision {
  return {
    state: { ...state, phase: { kind: "armed", attempt, arms: 1, withdrawing: false } },
    effects: [{ kind: "remove-liveness" }],
  };
}

function noteOf(app: App, state: AppState, price: Forecast, at: Instant, why?: string): string {
  return waitNote(app, { ...price, recent: recentExits(state.exits, at), ...(why === undefined ? {} : { why }) });
}

/** The note of a container restart that is under way without having been asked for here, if it will have to wait. */
export function noteFor(app: App, state: AppState, at: Instant): { note?: string } {
  const price = priceOf(app, state, at);
  return price.wait === 0 ? {} : { note: noteOf(app, state, price, at) };
}

/** The app of a container without a supervisor went away by itself and isn't back: the kubelet may be making it wait. */
export function ownExit(app: App, { phase, listeners, listenersSince, generation, overdue }: AppState) {
  return app.process || app.port === null || phase.kind !== "idle" || overdue || generation === 0
    ? null
    : listeners.length > 0 || listenersSince === null
      ? null
      : ({ at: listenersSince, by: "itself" } satisfies ContainerExit);
}

/** Until when the kubelet makes the container wait at `at`; null when it doesn't. */
export function runningWait(app: App, state: AppState, at: Instant): Instant | null {
  const exit = ownExit(app, state);
  const until =
    exit !== null
      ? startsAfter([...state.exits, exit], settingsOf(app))
      : state.phase.kind === "starting"
        ? (state.phase.attempt.waitsUntil ?? at)
        : at;
  return until > at ? until : null;
}
