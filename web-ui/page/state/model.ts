import type { ApiError, LogLine, RestartRecord, Status } from "@inpod/sidecar/protocol";

/** A restart as this page saw it: the helper's clock is not the browser's, so time goes on from when it was seen. */
export interface SeenRestart {
  readonly record: RestartRecord;
  /** The page's clock (milliseconds) at which this restart was asked. */
  readonly askedOnPage: number;
}

export interface Notice {
  readonly tone: "quiet" | "bad";
  readonly text: string;
  readonly fix?: string;
}

/** Everything the page shows. */
export interface Model {
  readonly connection: "connecting" | "live" | "lost";
  readonly status?: Status;
  /** Newest first. */
  readonly restarts: readonly SeenRestart[];
  /** Oldest first; all apps. */
  readonly lines: readonly LogLine[];
  /** How many of `lines` came as events since the connection opened: an answer to a fetch doesn't replace those. */
  readonly live: number;
  /** Answer to the last request of this page. */
  readonly notice?: Notice;
}

/** `now` is the page's own clock, milliseconds. */
export type PageEvent =
  | { readonly type: "opened" }
  | { readonly type: "lost" }
  | {
      readonly type: "fetched";
      readonly status: Status;
      readonly restarts: readonly RestartRecord[];
      readonly lines: readonly LogLine[];
      readonly now: number;
      /** Wall clock, milliseconds since 1970. */
      readonly wall: number;
    }
  | { readonly type: "status"; readonly status: Status; readonly now: number }
  | { readonly type: "restart"; readonly restart: RestartRecord; readonly now: number }
  | { readonly type: "lines"; readonly lines: readonly LogLine[] }
  | { readonly type: "joined"; readonly app: string }
  | { readonly type: "noted"; readonly text: string }
  | { readonly type: "refused"; readonly error: ApiError }
  | { readonly type: "asked" };

export const emptyModel: Model = { connection: "connecting", restarts: [], lines: [], live: 0 };

export const keptRestarts = 50;
export const keptLines = 2000;
