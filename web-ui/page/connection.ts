import type { LogLine, RestartRecord, Status } from "@inpod/sidecar/protocol";
import { ApiFailure, type Api } from "./api.ts";
import type { PageEvent } from "./state/model.ts";

/** Milliseconds before the next try, by how many have failed in a row. */
const waits = [300, 600, 1000, 2000, 3000];
/** Lines are handed on in bundles: a chatty app must not redraw the page for each. */
const bundleMs = 60;
const fetchedLines = 1000;

/**
 * Follows the helper for as long as the page is open: events as they come, everything anew whenever the stream opens.
 * `loggedOut` is called when the session has ended.
 */
export function createConnection(deps: {
  readonly api: Api;
  readonly eventsUrl: string;
  readonly dispatch: (event: PageEvent) => void;
  readonly loggedOut: () => void;
}): { close(): void } {
  const { api, eventsUrl, dispatch, loggedOut } = deps;
  let source: EventSource | undefined;
  let failures = 0;
  let closed = false;
  let bundle: LogLine[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;

  const flush = () => {
    timer = undefined;
    const lines = bundle;
    bundle = [];
    if (lines.length > 0) dispatch({ type: "lines", lines });
  };

  const refresh = async () => {
    try {
      const [status, restarts] = await Promise.all([api.status(), api.restarts()]);
      const logs = await Promise.all(status.app.map(({ name }) => api.logs(name, fetchedLines)));
      flush();
      dispatch({ type: "fetched", status, restarts, lines: logs.flat(), now: performance.now(), wall: Date.now() });
      failures = 0;
    } catch (error) {
      await lost(error);
    }
  };

  const lost = async (error?: unknown) => {
    if (source === undefined) return;
    source.close();
    source = undefined;
    dispatch({ type: "lost" });
    const wait = waits[Math.min(failures++, waits.length - 1)] ?? 3000;
    if (await sessionEnded(error)) return loggedOut();
    setTimeout(open, wait);
  };

  /** A stream's error has no status, so a plain request asks whether it is the session. */
  const sessionEnded = async (error: unknown): Promise<boolean> => {
    if (error !== undefined) return error instanceof ApiFailure && error.status === 401;
    try {
      await api.status();
      return false;
    } catch (reason) {
      return reason instanceof ApiFailure && reason.status === 401;
    }
  };

  const open = () => {
    if (closed) return;
    const stream = new EventSource(eventsUrl);
    source = stream;
    stream.addEventListener("status", ({ data }: MessageEvent<string>) => {
      const { status } = JSON.parse(data) as { status: Status };
      dispatch({ type: "status", status, now: performance.now() });
    });
    stream.addEventListener("restart", ({ data }: MessageEvent<string>) => {
      const { restart } = JSON.parse(data) as { restart: RestartRecord };
      dispatch({ type: "restart", restart, now: performance.now() });
    });
    stream.addEventListener("log", ({ data }: MessageEvent<string>) => {
      bundle.push((JSON.parse(data) as { line: LogLine }).line);
      timer ??= setTimeout(flush, bundleMs);
    });
    stream.addEventListener("open", () => {
      dispatch({ type: "opened" });
      void refresh();
    });
    stream.addEventListener("error", () => {
      if (stream === source) void lost();
    });
  };

  open();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      source?.close();
      source = undefined;
    },
  };
}
