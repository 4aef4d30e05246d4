/** One app container as the controller sees it. */
export interface App {
  /** Container name; also the folder under `/inpod/app`. */
  readonly name: string;
  /** The TCP port that means "served", or null for a worker without one. */
  readonly port: number | null;
  /** True when the app runs under `kit supervise`, so a process restart is possible. */
  readonly process: boolean;
  /** True when `kit live` answers this container's liveness probe, so a container restart is possible. */
  readonly container: boolean;
  /** The liveness probe's failureThreshold: probes in a row that `kit live` fails per request. */
  readonly threshold: number;
}

/** How an app is started anew: by its supervisor (process) or by the kubelet (container). */
export type How = "process" | "container";

/** Who asked: the API (CLI, page, extension), a person who removed the liveness file, or nobody (the app ended by itself). */
export type Origin = "request" | "hand" | "itself";

export type Outcome = "served" | "crashed" | "timeout" | "refused";

/** Exit of an app process as its supervisor saw it; one of the two is null. */
export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** One restart from request to end. Durations are milliseconds since `askedAt`. */
export interface RestartRecord {
  readonly id: string;
  readonly app: string;
  readonly how: How;
  readonly origin: Origin;
  /** UTC, ISO 8601 with milliseconds. */
  readonly askedAt: string;
  readonly asked: 0;
  /** The old process no longer listens. */
  readonly stopped?: number;
  /** The new process was spawned; known only where a supervisor tells. */
  readonly started?: number;
  /** The new process accepts connections on the app's port. */
  readonly served?: number;
  /** The app's own readiness path answered 2xx (only when asked for). */
  readonly ready?: number;
  /** Absent while the restart is under way. */
  readonly outcome?: Outcome;
  /** What happened, in one sentence, when the outcome isn't "served". */
  readonly message?: string;
  readonly exit?: Exit;
  /** Sockets that listened on the app's port before and after: they are not the app's. */
  readonly others?: number;
  /** Last lines of the app's output when it did not come up. */
  readonly log?: readonly string[];
}

/** What an app container is doing now. `restarting` covers everything between a request and its end. */
export type AppPhase = "running" | "restarting" | "crashed" | "stopped" | "down" | "unknown";

export interface AppStatus {
  readonly name: string;
  readonly phase: AppPhase;
  /** Counts every start of the app's process that the helper has seen in this pod. */
  readonly generation: number;
  readonly pid?: number;
  readonly port?: number;
  /** UTC, ISO 8601: since when the present process accepts connections. */
  readonly servedAt?: string;
  /** The fastest way this release can restart it. */
  readonly how: How;
  readonly restarts: { readonly process: number; readonly container: number };
  readonly backoff: { readonly waitSeconds: number; readonly until?: string };
  readonly lastExit?: Exit;
  /** The restart under way, if any. */
  readonly current?: RestartRecord;
}
