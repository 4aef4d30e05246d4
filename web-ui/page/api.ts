import type {
  ApiError,
  LogLine,
  RestartAccepted,
  RestartRecord,
  RestartRequest,
  Status,
} from "@inpod/sidecar/protocol";

/** An answer of the helper's that is an error, or no answer at all. */
export class ApiFailure extends Error {
  readonly error: ApiError;
  /** HTTP status; 0 without an answer. */
  readonly status: number;
  /** Milliseconds the helper asks to wait before the next try. */
  readonly retryAfter: number | undefined;

  constructor(status: number, error: ApiError, retryAfter?: number, cause?: unknown) {
    super(error.title, { cause });
    this.status = status;
    this.error = error;
    this.retryAfter = retryAfter;
  }
}

export interface Api {
  status(): Promise<Status>;
  restarts(): Promise<readonly RestartRecord[]>;
  logs(app: string, limit: number): Promise<readonly LogLine[]>;
  restart(ask: RestartRequest): Promise<RestartAccepted>;
  login(proof: { password: string } | { token: string }): Promise<void>;
  logout(): Promise<void>;
}

/** @param base path prefix of this workspace, without a slash at its end */
export function createApi(base: string): Api {
  const call = async <T>(method: "GET" | "POST", path: string, body?: object): Promise<T> => {
    let response: Response;
    try {
      response = await fetch(`${base}/-/${path}`, {
        method,
        headers: { accept: "application/json", ...(body === undefined ? {} : { "content-type": "application/json" }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        credentials: "same-origin",
        cache: "no-store",
      });
    } catch (cause) {
      throw new ApiFailure(0, unreachable, undefined, cause);
    }
    const text = await response.text();
    if (response.ok) return (text === "" ? undefined : JSON.parse(text)) as T;
    const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
    throw new ApiFailure(response.status, readError(response.status, text), seconds >= 0 ? seconds * 1000 : undefined);
  };

  return {
    status: () => call("GET", "api/status"),
    restarts: async () => (await call<{ restarts: readonly RestartRecord[] }>("GET", "api/restarts")).restarts,
    logs: async (app, limit) =>
      (await call<{ lines: readonly LogLine[] }>("GET", `api/logs?app=${encodeURIComponent(app)}&limit=${limit}`))
        .lines,
    restart: (ask) => call("POST", "api/restart", ask),
    login: (proof) => call("POST", "login", proof),
    logout: () => call("POST", "logout", {}),
  };
}

const unreachable: ApiError = {
  code: "INPOD_PAGE_UNREACHABLE",
  title: "The helper doesn't answer",
  fix: "The page tries again by itself. In the cluster: is the pod running, and the port-forward open?",
};

function readError(status: number, text: string): ApiError {
  try {
    const error = JSON.parse(text) as Partial<ApiError>;
    if (typeof error.code === "string" && typeof error.title === "string") return error as ApiError;
  } catch {
    // Something between us and the helper answered: its status is all there is.
  }
  return {
    code: "INPOD_PAGE_ANSWER",
    title: `The answer was ${status}, and not the helper's`,
    fix: "Reload the page.",
  };
}
