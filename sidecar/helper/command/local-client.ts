import type { ApiClient } from "../../cli/api-client.ts";
import { helperRefused } from "../../cli/errors.ts";
import type { ApiError, SourceReport } from "../../protocol/index.ts";
import { restartAsk } from "../api/input.ts";
import { restartEnd } from "../api/restart-end.ts";
import { HelperError, apiError, statusOf } from "../errors.ts";
import type { ErrorCode } from "../errors.ts";
import type { Gate } from "../source/gate.ts";
import { type SourceClient, SourceGone, SourceRefusal } from "../source/source-client.ts";
import type { StatusSource } from "../status.ts";
import type { LogLines } from "../watch/log-lines.ts";

/** What a command run inside the helper speaks to: the helper itself, with the API's own rules and words. */
export function createLocalClient(deps: {
  readonly ask: Gate["request"];
  readonly controller: Pick<Gate, "history" | "find" | "subscribe" | "cancel">;
  readonly source: Pick<SourceClient, "diff">;
  readonly hold: (held: boolean) => Promise<SourceReport>;
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
    cancel(id) {
      const record = controller.cancel(id) ? controller.find(id) : undefined;
      return record === undefined ? Promise.reject(refused("INPOD_RESTART_BEGUN", undefined)) : Promise.resolve(record);
    },
    hold: (held) => fromAgent(deps.hold(held)),
    diff: (n, colour) => fromAgent(deps.source.diff(n, colour)),
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

/** The agent's own "no" in the command's words. */
async function fromAgent<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof SourceRefusal) throw helperRefused(error.status, error.body);
    throw error instanceof SourceGone ? refused("INPOD_SOURCE_AGENT_GONE", error.message) : error;
  }
}

function refused(code: ErrorCode, detail: string | undefined): Error {
  const error: ApiError = apiError(code, detail);
  return helperRefused(statusOf(code), error);
}
