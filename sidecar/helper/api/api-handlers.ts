import type { RestartController } from "@inpod/restart-controller";
import { readBody } from "../body.ts";
import { HelperError } from "../errors.ts";
import type { OpenStreams } from "../open-streams.ts";
import { answerJson } from "../pages/answer.ts";
import type { RouteName } from "../routes.ts";
import type { StatusSource } from "../status.ts";
import type { LogLines } from "../watch/log-lines.ts";
import type { Call, Handler } from "./call.ts";
import type { Events } from "./events.ts";
import { checked, ideBody, logsQuery, restartAsk, waitQuery } from "./input.ts";
import { restartEnd } from "./restart-end.ts";

export type ApiRoute = Extract<
  RouteName,
  "healthz" | "status" | "restart" | "restarts" | "findRestart" | "events" | "logs" | "reportIde"
>;

/** HTTP status of a refused restart, by its code; 409 for those that depend on the state. */
const refusalStatus: Readonly<Record<string, number>> = {
  INPOD_APP_UNKNOWN: 404,
  INPOD_APP_AMBIGUOUS: 400,
  INPOD_HELPER_CLOSING: 503,
};

/** What both doors answer: TCP after the guard, and the Unix socket. */
export function createApiHandlers(deps: {
  readonly controller: RestartController;
  readonly status: StatusSource;
  readonly events: Events;
  readonly logs: LogLines;
  readonly streams: OpenStreams;
}): Record<ApiRoute, Handler> {
  const { controller, status, events, logs, streams } = deps;
  const json = ({ request, response }: Call, code: number, body: object) => answerJson(request, response, code, body);
  return {
    healthz: (call) => json(call, 200, { ok: true }),
    status: (call) => json(call, 200, status.now()),
    restarts: (call) => json(call, 200, { restarts: controller.history() }),

    async restart(call) {
      const answer = await controller.request(restartAsk(await readBody(call.request)));
      if ("refused" in answer) return json(call, refusalStatus[answer.refused.code] ?? 409, answer.refused);
      json(call, 202, answer);
    },

    async findRestart(call) {
      const id = call.params["id"] ?? "";
      const { wait } = checked(waitQuery, Object.fromEntries(call.query));
      const gone = new AbortController();
      const forget = streams.add("wait", keyOf(call), () => gone.abort());
      if (forget === undefined) throw new HelperError("INPOD_STREAMS_FULL");
      call.response.on("close", () => {
        forget();
        gone.abort();
      });
      const record = await restartEnd(controller, id, wait, gone.signal);
      if (record === undefined) throw new HelperError("INPOD_RESTART_UNKNOWN", `"${id.slice(0, 64)}"`);
      json(call, 200, record);
    },

    events(call) {
      if (call.request.method === "HEAD") return json(call, 200, {});
      if (!events.open(call.response, keyOf(call))) throw new HelperError("INPOD_STREAMS_FULL");
    },

    logs(call) {
      const { app, after, limit } = checked(logsQuery, Object.fromEntries(call.query));
      const known = controller.status().map(({ name }) => name);
      if (app !== undefined && !known.includes(app)) {
        return json(call, 404, {
          code: "INPOD_APP_UNKNOWN",
          title: `there is no app "${app}" here`,
          fix: known.length === 0 ? "this workspace has no app beside it" : `name one of: ${known.join(", ")}`,
        });
      }
      const which = { ...(app === undefined ? {} : { app }), ...(after === undefined ? {} : { after }) };
      json(call, 200, { lines: logs.read({ ...which, limit }) });
    },

    async reportIde(call) {
      status.reportIde(checked(ideBody, await readBody(call.request)));
      events.statusChanged();
      json(call, 200, {});
    },
  };
}

const keyOf = ({ caller }: Call): string => caller.session?.key ?? "";
