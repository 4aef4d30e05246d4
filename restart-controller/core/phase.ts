import type { App, Exit, How, Origin, Outcome, RestartRecord } from "./types.ts";

/** Milliseconds since the epoch. */
export type Instant = number;

/** Socket inodes that listen on the app's port (from /proc/net/tcp and tcp6); empty when nobody listens. */
export type Listeners = readonly string[];

/** What `kit supervise` writes to state.json, as far as the policy needs it. */
export interface SupervisorState {
  readonly generation: number;
  readonly pid: number;
  readonly phase: "running" | "stopping" | "crashed" | "stopped";
  readonly startedAt: Instant;
  readonly lastExit?: Exit;
  readonly lastRequest?: string;
  /** When the old process of the last restart was gone. */
  readonly stoppedAt?: Instant;
}

/** One restart under way. */
export interface Attempt {
  readonly id: string;
  readonly how: How;
  readonly origin: Origin;
  readonly askedAt: Instant;
  /** When we give up. */
  readonly deadline: Instant;
  /** Also wait for the app's own readiness path. */
  readonly ready: boolean;
  readonly now: boolean;
  /** Who listened when it was asked: served means somebody else does. */
  readonly before: Listeners;
  /** The supervisor's generation and start when it was asked: a new one tells that the process was replaced. */
  readonly supervisorBefore?: { readonly generation: number; readonly startedAt: Instant };
  readonly stoppedAt?: Instant;
  readonly startedAt?: Instant;
  readonly servedAt?: Instant;
}

export type Phase =
  | { readonly kind: "idle" }
  /** The app doesn't listen yet: armed as soon as it does, so that one request never costs two restarts. */
  | { readonly kind: "waiting"; readonly attempt: Attempt }
  /** The liveness file is away; no probe has taken the request yet. */
  | { readonly kind: "armed"; readonly attempt: Attempt; readonly arms: number; readonly withdrawing: boolean }
  /** A probe took the request; the old process still listens. */
  | { readonly kind: "consumed"; readonly attempt: Attempt; readonly arms: number; readonly since: Instant }
  /** The supervisor has been told; the old process still listens. */
  | { readonly kind: "signalled"; readonly attempt: Attempt }
  /** The old process is gone, the new one doesn't serve yet. */
  | { readonly kind: "starting"; readonly attempt: Attempt; readonly aliveSince: Instant | null }
  /** Served; its readiness path hasn't answered yet. */
  | { readonly kind: "settling"; readonly attempt: Attempt };

/** Everything the policy remembers of one app; plain data, so that it survives the helper's own restart. */
export interface AppState {
  readonly phase: Phase;
  readonly listeners: Listeners;
  /** Since when the present listeners listen, or since when nobody does. */
  readonly listenersSince: Instant | null;
  readonly supervisor: SupervisorState | null;
  readonly generation: number;
  readonly restarts: { readonly process: number; readonly container: number };
  /** When the app's container ended, latest last; what the kubelet's back-off is about. */
  readonly containerExits: readonly Instant[];
  /** A restart that was given up on after its old process had stopped: whoever listens next is its process, not one more. */
  readonly overdue: boolean;
  /** Asked for while a process that may be older than the request was starting: begun when that restart ends. */
  readonly next: Attempt | null;
}

export const initialState: AppState = {
  phase: { kind: "idle" },
  listeners: [],
  listenersSince: null,
  supervisor: null,
  generation: 0,
  restarts: { process: 0, container: 0 },
  containerExits: [],
  overdue: false,
  next: null,
};

export interface Request {
  readonly id: string;
  readonly how: How | "auto";
  readonly now: boolean;
  readonly ready: boolean;
  readonly force: boolean;
  readonly timeoutMs: number;
}

/** Something that happened; `at` is data, the policy never looks at a clock. */
export type Event = { readonly at: Instant } & (
  | { readonly kind: "request"; readonly request: Request }
  | { readonly kind: "listeners"; readonly listeners: Listeners }
  /** The liveness file was found missing, or found present again. `id` names the restart in case nobody asked for it. */
  | { readonly kind: "liveness"; readonly present: boolean; readonly id: string }
  | { readonly kind: "supervisor"; readonly state: SupervisorState | null; readonly id: string }
  /** We tried to put the liveness file back: `won` when no probe had taken the request. */
  | { readonly kind: "withdrawn"; readonly won: boolean }
  | { readonly kind: "ready" }
  /** An effect could not be done. */
  | { readonly kind: "failed"; readonly why: string }
  | { readonly kind: "tick" }
  /** A controller has begun on the state of an earlier one, which may have died between saving and doing. */
  | { readonly kind: "resumed" }
);

export type EventOf<K extends Event["kind"]> = Extract<Event, { kind: K }>;

export type Effect =
  | { readonly kind: "remove-liveness" }
  | { readonly kind: "restore-liveness" }
  /** One line for the supervisor's FIFO. */
  | { readonly kind: "command"; readonly line: string }
  /** The restart's record has changed; `outcome` is set when it is its last word. */
  | { readonly kind: "record"; readonly record: RestartRecord };

export type Reply =
  | { readonly kind: "accepted"; readonly id: string; readonly how: How; readonly note?: string }
  | { readonly kind: "merged"; readonly into: string; readonly how: How }
  | { readonly kind: "refused"; readonly code: string; readonly title: string; readonly fix: string };

export interface Decision {
  readonly state: AppState;
  readonly effects: readonly Effect[];
  /** Only to a request. */
  readonly reply?: Reply;
}

/** The public record of an attempt. */
export function recordOf(
  app: App,
  attempt: Attempt,
  end?: {
    readonly outcome: Outcome;
    readonly message?: string;
    readonly exit?: Exit;
    readonly readyAt?: Instant;
    readonly others?: number;
  },
): RestartRecord {
  const since = (at: Instant) => Math.max(0, Math.round(at - attempt.askedAt));
  return {
    id: attempt.id,
    app: app.name,
    how: attempt.how,
    origin: attempt.origin,
    askedAt: new Date(attempt.askedAt).toISOString(),
    asked: 0,
    ...(attempt.stoppedAt === undefined ? {} : { stopped: since(attempt.stoppedAt) }),
    ...(attempt.startedAt === undefined ? {} : { started: since(attempt.startedAt) }),
    ...(attempt.servedAt === undefined ? {} : { served: since(attempt.servedAt) }),
    ...(end?.readyAt === undefined ? {} : { ready: since(end.readyAt) }),
    ...(end === undefined ? {} : { outcome: end.outcome }),
    ...(end?.message === undefined ? {} : { message: end.message }),
    ...(end?.others === undefined || end.others === 0 ? {} : { others: end.others }),
    ...(end?.exit === undefined ? {} : { exit: end.exit }),
  };
}
