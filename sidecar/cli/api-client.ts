import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import type {
  ApiError,
  LogLine,
  RestartAccepted,
  RestartRecord,
  RestartRequest,
  SourceReport,
  Status,
} from "../protocol/index.ts";
import { helperRefused, helperUnreachable } from "./errors.ts";

/** How long to wait for a helper that is (re)starting, milliseconds. */
const patience = 10_000;
const retryEvery = 100;

export interface ApiClient {
  status(): Promise<Status>;
  /** Safe to repeat: the request carries its id. */
  restart(ask: RestartRequest): Promise<RestartAccepted>;
  restarts(): Promise<readonly RestartRecord[]>;
  /** The restart as it is now, or as it is when it ends within `waitMs`. */
  findRestart(id: string, waitMs: number): Promise<RestartRecord>;
  /** Calls off a restart that waits for its build. */
  cancel(id: string): Promise<RestartRecord>;
  /** Pauses or resumes on-save restarts. */
  hold(held: boolean): Promise<SourceReport>;
  /** From what restart `n` ran to the present files. */
  diff(n: number, colour: boolean): Promise<string>;
  /** With `wait` an answer without lines comes only after so many milliseconds. */
  logs(query: { app?: string; after?: number; limit?: number; wait?: number }): Promise<readonly LogLine[]>;
}

/** Speaks to the helper over its Unix socket; a helper that is just being restarted is waited for. */
export function createApiClient(socketPath: string, stop: AbortSignal): ApiClient {
  const call = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const giveUp = Date.now() + patience;
    for (;;) {
      try {
        const { status, text } = await once(socketPath, method, path, body, stop);
        const parsed: T | ApiError = JSON.parse(text);
        if (status >= 400) throw helperRefused(status, parsed as ApiError);
        return parsed as T;
      } catch (error) {
        if (stop.aborted || !isConnectionError(error)) throw error;
        if (Date.now() >= giveUp) throw helperUnreachable(socketPath, error);
        await new Promise((resolve) => setTimeout(resolve, retryEvery));
      }
    }
  };

  return {
    status: () => call("GET", "/-/api/status"),
    restart: (ask) => call("POST", "/-/api/restart", ask),
    restarts: async () => (await call<{ restarts: readonly RestartRecord[] }>("GET", "/-/api/restarts")).restarts,
    findRestart: (id, waitMs) => call("GET", `/-/api/restarts/${encodeURIComponent(id)}?wait=${waitMs}`),
    // After Ctrl-C, which has stopped everything else.
    async cancel(id) {
      const path = `/-/api/restarts/${encodeURIComponent(id)}`;
      const { status, text } = await once(socketPath, "DELETE", path, undefined, AbortSignal.timeout(2000));
      if (status >= 400) throw helperRefused(status, JSON.parse(text) as ApiError);
      return JSON.parse(text) as RestartRecord;
    },
    hold: (held) => call("POST", "/-/api/hold", { held }),
    diff: async (n, colour) => (await call<{ diff: string }>("GET", `/-/api/diff/${n}?colour=${colour ? 1 : 0}`)).diff,
    async logs(query) {
      const search = new URLSearchParams();
      for (const [key, value] of Object.entries(query)) search.set(key, String(value));
      return (await call<{ lines: readonly LogLine[] }>("GET", `/-/api/logs?${search.toString()}`)).lines;
    },
  };
}

function once(
  socketPath: string,
  method: string,
  path: string,
  body: object | undefined,
  signal: AbortSignal,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? "" : JSON.stringify(body);
    const ask = request({
      socketPath,
      method,
      path,
      signal,
      headers: {
        host: "inpod",
        ...(text === "" ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
      },
    });
    ask.once("response", (answer: IncomingMessage) => {
      let got = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => {
        got += chunk;
      });
      answer.once("error", reject);
      answer.once("end", () => resolve({ status: answer.statusCode ?? 0, text: got }));
    });
    ask.once("error", reject);
    ask.end(text);
  });
}

const connectionErrors = new Set(["ECONNREFUSED", "ENOENT", "ECONNRESET", "EPIPE"]);

function isConnectionError(error: unknown): boolean {
  return error instanceof Error && "code" in error && connectionErrors.has(String(error.code));
}
