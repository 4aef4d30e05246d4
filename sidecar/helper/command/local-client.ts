import type { RestartController } from "@inpod/restart-controller";
import type { ApiClient } from "../../cli/api-client.ts";
import { helperRefused } from "../../cli/errors.ts";
import type { ApiError } from "../../protocol/index.ts";
import { restartAsk } from "../api/input.ts";
import { restartEnd } from "../api/restart-end.ts";
import { HelperError, apiError, statusOf } from "../errors.ts";
import type { ErrorCode } from "../errors.ts";
import type { StatusSource } from "../status.ts";
import type { LogLines } from "../watch/log-lines.ts";

/** What a command run inside the helper speaks to: the helper itself, with the API's own rules and words. */
export function createLocalClient(deps: {
  readonly ask: RestartController["request"];
  readonly controller: Pick<RestartController, "history" | "find" | "subscribe">;
  readonly status: StatusSource;
  readonly logs: LogLines;
  /** Nobody waits any more. */
  readonly gone: AbortSignal;
}): ApiClient {
  const { controller, status, logs, gone } = deps;
  return {
    status: () => Promise.resolve(status.now()),
    restarts: () => Promise.resolve(controller.history()),
    async restart(ask) {
      const answer = await deps.ask(inWords(() => restartAsk(ask)));
      if ("refused" in answer) throw helperRefused(409, answer.refused);
      return answer;
    },
    async findRestart(id, waitMs) {
      gone.throwIfAborted();
      const record = await restartEnd(controller, id, waitMs, gone);
      gone.throwIfAborted();
      if (record === undefined) throw refused("INPOD_RESTART_UNKNOWN", `"${id.slice(0, 64)}"`);
      return record;
    },
    logs: ({ limit = 1000, ...which }) => Promise.resolve(logs.read({ ...which, limit })),
  };
}

function inWords<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw error instanceof HelperError ? refused(error.code, error.detail) : error;
  }
}

function refused(code: ErrorCode, detail: string | undefined): Error {
  const error: ApiError = apiError(code, detail);
  return helperRefused(statusOf(code), error);
}
