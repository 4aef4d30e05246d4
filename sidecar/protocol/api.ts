import type { App, AppStatus, How, RestartRecord as Restart } from "@inpod/restart-controller/core";
import type { BuildReport, Ran, SourceReport } from "./source.ts";

export type { AppPhase, AppStatus, Backoff, Exit, How, Outcome } from "@inpod/restart-controller/core";

/** A restart, and what the source agent knows of it. */
export interface RestartRecord extends Restart {
  /** The build gate's run; `asked` counts from before it. */
  readonly build?: BuildReport;
  /** What it ran, where the source is a git repository. */
  readonly ran?: Ran;
}

export interface Status {
  readonly version: string;
  readonly release: string;
  readonly mode: "sidecar" | "standalone" | "local";
  readonly app: readonly AppStatus[];
  readonly ide: {
    readonly phase: "running" | "starting" | "down";
    /** Windows whose extension listens to the helper. */
    readonly windows?: number;
  };
  /** Files changed but not committed in the source volume; null while no IDE has reported. */
  readonly source: {
    readonly dirtyFiles: number | null;
    readonly path?: string;
    readonly durable?: boolean;
    /** What the source agent says of itself; absent where none runs. */
    readonly agent?: SourceReport;
  };
}

/** Body of `POST /-/api/restart`. */
export interface RestartRequest {
  /** Chosen by the asker (8–64 letters, digits, dashes), so that asking again after a lost answer is the same request. */
  readonly id?: string;
  readonly app?: string;
  readonly how?: How | "auto";
  /** SIGKILL at once instead of SIGTERM and grace (process restart only). */
  readonly now?: boolean;
  /** Also wait for the app's own readiness path. */
  readonly ready?: boolean;
  /** Arm although the app isn't listening. */
  readonly force?: boolean;
  /** How long the request may take, a build before it not counted; default 30000. */
  readonly timeoutMs?: number;
  /** First bring back the files that restart N ran. */
  readonly to?: number;
  /** Set by the source agent. */
  readonly origin?: "save";
}

/** 202 answer of `POST /-/api/restart`. `merged` names the restart under way that answers this request too. */
export interface RestartAccepted {
  readonly id: string;
  readonly app: string;
  readonly how: How;
  readonly merged?: string;
  /** Something the person should know before it happens (waiting for the app to listen, back-off). */
  readonly note?: string;
}

export interface LogLine {
  /** Grows by one per line; pass it as `after` to go on from there. */
  readonly seq: number;
  readonly app: string;
  readonly text: string;
}

/** Server-sent events of `GET /-/api/events`: the SSE event name is `type`, its data the rest as JSON. */
export type ApiEvent =
  | { readonly type: "status"; readonly status: Status }
  | { readonly type: "restart"; readonly restart: RestartRecord }
  | { readonly type: "log"; readonly line: LogLine }
  /** To a window of the IDE that has unsaved editors: save them, then answer with this id. */
  | { readonly type: "save"; readonly save: { readonly id: string } };

/** What a window of the IDE says of its editors, at every change (`POST /-/api/ide`). */
export interface EditorsReport {
  /** Chosen by the window (8–64 letters, digits, dashes); its event stream was opened with it. */
  readonly window: string;
  /** Editors with unsaved changes that have a file. */
  readonly unsaved: number;
  /** Unsaved editors without a file. */
  readonly untitled: number;
  /** The request to save that has been followed. */
  readonly saved?: string;
}

/** Every error answer of the API. */
export interface ApiError {
  /** `INPOD_<WORD>_<WORD>` */
  readonly code: string;
  readonly title: string;
  readonly detail?: string;
  readonly fix?: string;
}

/** App as configured for the helper (`INPOD_APPS`, a JSON array). */
export interface AppConfig extends App {
  /** Path that `--ready` asks on the app's port. */
  readonly readyPath?: string;
  readonly sourcePath?: string;
}
