/** Milliseconds since the epoch. */
type Instant = number;

export interface Settings {
  /** A build runs before the restart: what is saved during it isn't in it. */
  readonly builds: boolean;
}

export type Phase =
  | { readonly kind: "idle" }
  /** Something changed: waits until nothing more does for a moment. */
  | { readonly kind: "quiet"; readonly since: Instant; readonly last: Instant; readonly until: Instant }
  /** git is writing the work tree. */
  | { readonly kind: "locked"; readonly since: Instant; readonly last: Instant; readonly until: Instant }
  /** A restart is under way; `last` is the latest change since it was asked. */
  | { readonly kind: "asked"; readonly last: Instant | null };

export interface State {
  readonly phase: Phase;
  /** Paused by a person. */
  readonly held: boolean;
  /** Something changed while held. */
  readonly waiting: boolean;
  /** How long the app takes from its spawn to being served; null while unknown. */
  readonly bootMs: number | null;
  /** Restarts in a row that were each asked because of a change during the one before. */
  readonly chain: number;
  /** Numbers the asks; the end of an older one changes nothing. */
  readonly ask: number;
}

export const initialState: State = {
  phase: { kind: "idle" },
  held: false,
  waiting: false,
  bootMs: null,
  chain: 0,
  ask: 0,
};

export type Event = { readonly at: Instant } & (
  | { readonly kind: "changed"; readonly path: string }
  /** `locked`: git's index.lock is there now. */
  | { readonly kind: "tick"; readonly locked: boolean }
  /**
   * The restart has ended. What was written before `readAt` is in it: the spawn of its process, or the start of its build; null
   * when that isn't known.
   */
  | { readonly kind: "ended"; readonly ask: number; readonly readAt: Instant | null; readonly bootMs: number | null }
  /** The helper couldn't be asked. */
  | { readonly kind: "failed"; readonly ask: number }
  | { readonly kind: "hold"; readonly held: boolean }
);

export type Effect =
  | { readonly kind: "ask"; readonly ask: number }
  /** The same path changes during every restart: the app or the build writes it. */
  | { readonly kind: "say-loop"; readonly path: string };

export interface Decision {
  readonly state: State;
  readonly effects: readonly Effect[];
}

/** A few per cent of the app's boot: a wait that nobody feels, and long enough for the writes of one save. */
const share = 0.04;
const shortest = 2;
const longest = 50;
const unknownBoot = 15;
/** From the second restart of a burst on: a copy of many files has pauses longer than `shortest`. */
const chained = 60;
const chainedLongest = 2000;
/** Changes that never end don't put the restart off for ever. */
const patience = 3000;
/** How often to look whether git's lock is gone, for where its removal is not told. */
const lockEvery = 250;
/** A change cancels the build under way this often in a row; then it is let through. */
const cancels = 3;
/** So many restarts in a row that changes made during the one before are no person's saves. */
const loop = 5;
const retryAfter = 1000;

/** The whole policy of restarting on save. The process that serves in the end was spawned after the last change. */
export function decide(settings: Settings, state: State, event: Event): Decision {
  switch (event.kind) {
    case "changed":
      return onChanged(settings, state, event);
    case "tick":
      return onTick(state, event.at, event.locked);
    case "ended":
      return onEnded(state, event);
    case "failed":
      if (event.ask !== state.ask || state.phase.kind !== "asked") return same(state);
      return same({ ...state, phase: quiet(event.at, event.at, retryAfter) });
    case "hold":
      return onHold(state, event.held, event.at);
  }
}

/** When the policy wants its next tick, or null when only an event can change anything. */
export function wakeAt({ phase }: State): Instant | null {
  return phase.kind === "quiet" || phase.kind === "locked" ? phase.until : null;
}

function onChanged({ builds }: Settings, state: State, { at, path }: Event & { kind: "changed" }): Decision {
  if (state.held) return same({ ...state, waiting: true });
  const { phase } = state;
  const wait = quietFor(state);
  switch (phase.kind) {
    case "idle":
      return same({ ...state, phase: quiet(at, at, wait) });
    case "quiet":
      return same({ ...state, phase: quiet(phase.since, at, wait) });
    case "locked":
      return same({ ...state, phase: { ...phase, last: at } });
    case "asked": {
      if (builds && state.chain < cancels) {
        // Asking again cancels a build that is out of date by now.
        const next = { ...state, chain: state.chain + 1 };
        return same({ ...next, phase: quiet(at, at, quietFor(next)) });
      }
      const effects = state.chain === loop && phase.last === null ? [{ kind: "say-loop", path } as const] : [];
      return { state: { ...state, phase: { kind: "asked", last: at } }, effects };
    }
  }
}

function onTick(state: State, at: Instant, locked: boolean): Decision {
  const { phase } = state;
  if (phase.kind !== "quiet" && phase.kind !== "locked") return same(state);
  if (locked) return same({ ...state, phase: { ...phase, kind: "locked", until: at + lockEvery } });
  if (phase.kind === "quiet" && at < phase.until) return same(state);
  return {
    state: { ...state, phase: { kind: "asked", last: null }, ask: state.ask + 1 },
    effects: [{ kind: "ask", ask: state.ask + 1 }],
  };
}

function onEnded(state: State, { at, ask, readAt, bootMs }: Event & { kind: "ended" }): Decision {
  const known = bootMs === null ? state : { ...state, bootMs };
  if (ask !== state.ask || state.phase.kind !== "asked") return same(known);
  const { last } = state.phase;
  if (last === null || (readAt !== null && last < readAt)) return same({ ...known, phase: { kind: "idle" }, chain: 0 });
  if (state.held) return same({ ...known, phase: { kind: "idle" }, chain: 0, waiting: true });
  const next = { ...known, chain: state.chain + 1 };
  return same({ ...next, phase: quiet(at, last, quietFor(next)) });
}

function onHold(state: State, held: boolean, at: Instant): Decision {
  if (held === state.held) return same(state);
  if (!held) {
    const free: State = { ...state, held, waiting: false };
    if (!state.waiting) return same(free);
    return same({ ...free, phase: state.phase.kind === "asked" ? { kind: "asked", last: at } : quiet(at, at, 0) });
  }
  const stopped = state.phase.kind === "quiet" || state.phase.kind === "locked";
  return same({ ...state, held, waiting: stopped, ...(stopped ? { phase: { kind: "idle" }, chain: 0 } : {}) });
}

/** How long nothing must change before the restart is asked. */
export function quietFor({ bootMs, chain }: State): number {
  const first = bootMs === null ? unknownBoot : Math.min(longest, Math.max(shortest, Math.round(bootMs * share)));
  return chain === 0 ? first : Math.min(chainedLongest, chained * 2 ** (chain - 1));
}

function quiet(since: Instant, last: Instant, wait: number): Phase {
  return { kind: "quiet", since, last, until: Math.min(last + wait, Math.max(last, since + patience)) };
}

const same = (state: State): Decision => ({ state, effects: [] });
