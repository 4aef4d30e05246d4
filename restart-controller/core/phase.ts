import type { ContainerExit } from "./backoff.ts";
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
  /** Where the present process listens, when it was told by its supervisor (swap). */
  readonly port?: number;
  /** The process that a swap has started beside the present one. */
  readonly beside?: {
    readonly pid: number;
    readonly port: number;
    readonly phase: "running" | "crashed";
    readonly exit?: Exit;
  };
  /** When the old process of the last restart was gone. */
  readonly stoppedAt?: Instant;
  /** Ports whose listening sockets the supervisor itself holds over restarts: they say nothing of the app. */
  readonly held?: readonly number[];
  /** Since when the present process accepts from a held socket; absent: it doesn't yet. */
  readonly readyAt?: Instant;
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
  /** When the front had drained, and how many requests were left then. */
  readonly drainedAt?: Instant;
  readonly left?: number;
  /** Its process is started beside the old one. */
  readonly swap?: true;
  readonly stoppedAt?: Instant;
  /** It had ended by itself before it was asked for: the kubelet is starting it anyway. */
  readonly wasDown?: true;
  readonly startedAt?: Instant;
  readonly servedAt?: Instant;
  /** The image string that it is restarted by, and the one before. */
  readonly alias?: { readonly from: string; readonly to: string };
  /** The kubelet's back-off doesn't let the container start before. */
  readonly waitsUntil?: Instant;
  /** What the person should know of how it is done. */
  readonly note?: string;
}

export type Phase =
  | { readonly kind: "idle" }
  /** The app doesn't listen yet: armed as soon as it does, so that one request never costs two restarts. */
  | { readonly kind: "waiting"; readonly attempt: Attempt }
  /** The liveness file is away; no probe has taken the request yet. */
  | { readonly kind: "armed"; readonly attempt: Attempt; readonly arms: number; readonly withdrawing: boolean }
  /** A probe took the request; the old process still listens. */
  | { readonly kind: "consumed"; readonly attempt: Attempt; readonly arms: number; readonly since: Instant }
  /** The container's image string is being changed, which makes the kubelet restart it; the old process still listens. */
  | { readonly kind: "patching"; readonly attempt: Attempt }
  /** The front has been asked to hold what comes and to drain what is in flight; then the supervisor is told. */
  | { readonly kind: "draining"; readonly attempt: Attempt }
  /** The supervisor has been told; the old process still listens. */
  | { readonly kind: "signalled"; readonly attempt: Attempt }
  /** The new process was started beside the old one and doesn't listen yet; the old one serves. */
  | { readonly kind: "swapping"; readonly attempt: Attempt }
  /** It listens on `port`; the front sends new requests there, and those at the old one end. */
  | { readonly kind: "moving"; readonly attempt: Attempt; readonly port: number }
  /** The supervisor has been told to end the old one. */
  | { readonly kind: "committing"; readonly attempt: Attempt; readonly port: number }
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
  /** With swap: who listens on each of its ports. */
  readonly listening: Readonly<Record<number, Listeners>>;
  readonly supervisor: SupervisorState | null;
  readonly generation: number;
  readonly restarts: { readonly process: number; readonly container: number };
  /** The ends of the app's container, latest last; what the kubelet's back-off is about. */
  readonly exits: readonly ContainerExit[];
  /** The container's image string, when it isn't the one that the pod was made with. */
  readonly image: string | null;
  /** A restart that was given up on after its old process had stopped: whoever listens next is its process, not one more. */
  readonly overdue: boolean;
  /** Asked for while a process that may be older than the request was starting: begun when that restart ends. */
  readonly next: Attempt | null;
}

export const initialState: AppState = {
  phase: { kind: "idle" },
  listeners: [],
  listenersSince: null,
  listening: {},
  supervisor: null,
  generation: 0,
  restarts: { process: 0, container: 0 },
  exits: [],
  image: null,
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
  /** Absent: a person or a program asked. */
  readonly origin?: "save";
}

/** Something that happened; `at` is data, the policy never looks at a clock. */
export type Event = { readonly at: Instant } & (
  | { readonly kind: "request"; readonly request: Request }
  /** `port` only with swap, which has two of them. */
  | { readonly kind: "listeners"; readonly listeners: Listeners; readonly port?: number }
  /** The liveness file was found missing, or found present again. `id` names the restart in case nobody asked for it. */
  | { readonly kind: "liveness"; readonly present: boolean; readonly id: string }
  | { readonly kind: "supervisor"; readonly state: SupervisorState | null; readonly id: string }
  /** We tried to put the liveness file back: `won` when no probe had taken the request. */
  | { readonly kind: "withdrawn"; readonly won: boolean }
  /** The image string couldn't be changed; the container is as it was. */
  | { readonly kind: "patch-failed"; readonly why: string }
  | { readonly kind: "ready" }
  /** The front holds for the attempt `id`, with `left` requests still in flight; null: it could not be asked. */
  | { readonly kind: "held"; readonly id: string; readonly left: number | null }
  /** The front sends to the new port, with `left` requests still in flight at the old one; null: it could not be asked. */
  | { readonly kind: "moved"; readonly id: string; readonly left: number | null }
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
  /** Puts another string for the same image into the pod, if it is still `from`. Safe to do twice. */
  | { readonly kind: "patch-image"; readonly from: string; readonly to: string }
  /** One line for the supervisor's FIFO. */
  | { readonly kind: "command"; readonly line: string }
  /** To the front: let nothing more in, for `timeoutMs` at most, and tell when nothing is in flight or `drainMs` are over. */
  | { readonly kind: "hold"; readonly id: string; readonly timeoutMs: number; readonly drainMs: number }
  /** To the front: send to `port` from now on, and tell when nothing is in flight elsewhere or `drainMs` are over. */
  | { readonly kind: "move"; readonly id: string; readonly port: number; readonly drainMs: number }
  /** To the front: let everything in again. */
  | { readonly kind: "release" }
  /** The restart's record has changed; `outcome` is set when it is its last word. */
  | { readonly kind: "record"; readonly record: RestartRecord };

export type Reply =
  | { readonly kind: "accepted"; readonly id: string; readonly how: How; readonly note?: string }
  | { readonly kind: "merged"; readonly into: string; readonly how: How; readonly note?: string }
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
    ...(attempt.drainedAt === undefined ? {} : { drained: since(attempt.drainedAt) }),
    ...(attempt.left === undefined || attempt.left === 0 ? {} : { left: attempt.left }),
    ...(attempt.stoppedAt === undefined ? {} : { stopped: since(attempt.stoppedAt) }),
    ...(attempt.startedAt === undefined ? {} : { started: since(attempt.startedAt) }),
    ...(attempt.servedAt === undefined ? {} : { served: since(attempt.servedAt) }),
    ...(attempt.waitsUntil === undefined ? {} : { waitsUntil: new Date(attempt.waitsUntil).toISOString() }),
    ...(attempt.alias === undefined ? {} : { image: attempt.alias.to }),
    ...(attempt.note === undefined ? {} : { note: attempt.note }),
    ...(attempt.swap === undefined ? {} : { swapped: attempt.swap }),
    ...(end?.readyAt === undefined ? {} : { ready: since(end.readyAt) }),
    ...(end === undefined ? {} : { outcome: end.outcome }),
    ...(end?.message === undefined ? {} : { message: end.message }),
    ...(end?.others === undefined || end.others === 0 ? {} : { others: end.others }),
    ...(end?.exit === undefined ? {} : { exit: end.exit }),
  };
}
