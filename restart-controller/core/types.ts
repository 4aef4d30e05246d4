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
  /** The container's image as the pod was made with it. */
  readonly image?: string;
  /** The helper may change the tag of that image in its own pod (`rbac.restartWithoutBackoff`). */
  readonly alias?: boolean;
  /** The nodes' `crashLoopBackOff.maxContainerRestartPeriod`, milliseconds; the kubelet's default when absent. */
  readonly maxRestartPeriod?: number;
  /** Where a front stands before the app's port: how long a restart of the process waits for requests in flight, at most. */
  readonly front?: { readonly drainMs: number };
  /**
   * Where a restart starts the new process beside the old one: the two ports of the pod that take turns. `port` is the
   * front's then. Needs `front` and a supervisor that knows `swap`.
   */
  readonly swap?: { readonly ports: readonly [number, number] };
}

/** How an app is started anew: by its supervisor (process) or by the kubelet (container). */
export type How = "process" | "container";

/** Who asked: the API (CLI, page, extension), a save, a person who removed the liveness file, or nobody (the app ended by itself). */
export type Origin = "request" | "save" | "hand" | "itself";

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
  /** The front has let no request in since; those in flight had ended, but for `left`. Only where there is a front. */
  readonly drained?: number;
  /** Requests that were in flight when the drain's time was over. */
  readonly left?: number;
  /** The old process no longer listens. */
  readonly stopped?: number;
  /** The new process was spawned; known only where a supervisor tells. */
  readonly started?: number;
  /** The new process accepts connections on the app's port. */
  readonly served?: number;
  /** The app's own readiness path answered 2xx (only when asked for). */
  readonly ready?: number;
  /** The new process was started beside the old one, which served until the front had moved. */
  readonly swapped?: true;
  /** Absent while the restart is under way. */
  readonly outcome?: Outcome;
  /** What happened, in one sentence, when the outcome isn't "served". */
  readonly message?: string;
  readonly exit?: Exit;
  /** UTC, ISO 8601: the kubelet's crash-loop back-off doesn't let the container start before. */
  readonly waitsUntil?: string;
  /** The image string that the container was restarted by, so that it didn't have to wait. */
  readonly image?: string;
  /** What the person should know of how it is done: a wait and how to go without, or why it has to be. */
  readonly note?: string;
  /** Sockets that listened on the app's port before and after: they are not the app's. */
  readonly others?: number;
  /** Last lines of the app's output when it did not come up. */
  readonly log?: readonly string[];
}

/** The kubelet's crash-loop back-off of an app's container. */
export interface Backoff {
  /** What is left of the wait that runs; else how long the kubelet would wait if a container restart were asked for now. */
  readonly waitSeconds: number;
  /** UTC, ISO 8601: when the wait that runs is over; else from when on a container restart costs nothing again. */
  readonly until?: string;
  /** Present while the container waits. */
  readonly running?: true;
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
  readonly backoff: Backoff;
  readonly lastExit?: Exit;
  /** The restart under way, if any. */
  readonly current?: RestartRecord;
}
