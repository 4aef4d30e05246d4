import type { Accepted, Refusal } from "@inpod/restart-controller";
import type { SourceReport } from "../../protocol/index.ts";
import { readBody } from "../body.ts";
import { HelperError } from "../errors.ts";
import type { OpenStreams } from "../open-streams.ts";
import { answerJson } from "../pages/answer.ts";
import type { RouteName } from "../routes.ts";
import type { Gate, GateOptions } from "../source/gate.ts";
import { type SourceClient, SourceGone, SourceRefusal, sourceReport } from "../source/source-client.ts";
import type { StatusSource } from "../status.ts";
import type { LogLines } from "../watch/log-lines.ts";
import type { Call, Handler } from "./call.ts";
import type { Events } from "./events.ts";
import type { Editors } from "../editors.ts";
import {
  checked,
  diffQuery,
  eventsQuery,
  holdBody,
  ideBody,
  logsQuery,
  restartAsk,
  waitQuery,
  withoutUndefined,
} from "./input.ts";
import { restartEnd } from "./restart-end.ts";

export type ApiRoute = Extract<
  RouteName,
  | "healthz"
  | "status"
  | "restart"
  | "restarts"
  | "findRestart"
  | "cancelRestart"
  | "diff"
  | "hold"
  | "events"
  | "logs"
  | "reportSource"
  | "reportIde"
>;

/** HTTP status of a refused restart, by its code; 409 for those that depend on the state. */
const refusalStatus: Readonly<Record<string, number>> = {
  INPOD_APP_UNKNOWN: 404,
  INPOD_APP_AMBIGUOUS: 400,
  INPOD_HELPER_CLOSING: 503,
};

/** What both doors answer: TCP after the guard, and the Unix socket. */
export function createApiHandlers(deps: {
  readonly controller: Gate;
  /** A restart, and what comes before one. */
  readonly ask: (options: GateOptions) => Promise<Accepted | Refusal>;
  readonly editors: Editors;
  readonly source: Pick<SourceClient, "diff">;
  /** Pauses or resumes on save. */
  readonly hold: (held: boolean) => Promise<SourceReport>;
  readonly status: StatusSource;
  readonly events: Events;
  readonly logs: LogLines;
  readonly streams: OpenStreams;
}): Record<ApiRoute, Handler> {
  const { controller, ask, editors, source, status, events, logs, streams } = deps;
  const json = ({ request, response }: Call, code: number, body: object) => answerJson(request, response, code, body);
  /** A call that is answered later, one of so many; `gone` fires when nobody waits for it any more. */
  const held = async <T>(call: Call, answer: (gone: AbortSignal) => Promise<T>): Promise<T> => {
    const gone = new AbortController();
    const forget = streams.add("wait", keyOf(call), () => gone.abort());
    if (forget === undefined) throw new HelperError("INPOD_STREAMS_FULL");
    call.response.on("close", () => {
      forget();
      gone.abort();
    });
    return answer(gone.signal);
  };
  return {
    // How the request looks from here: `inpod doctor` finds out by it which header a proxy has lost.
    healthz: (call) =>
      json(call, 200, {
        ok: true,
        origin: call.caller.own.origin,
        originSent: call.request.headers.origin !== undefined,
      }),
    status: (call) => json(call, 200, status.now()),
    restarts: (call) => json(call, 200, { restarts: controller.history() }),

    async restart(call) {
      const answer = await ask(restartAsk(await readBody(call.request)));
      if ("refused" in answer) return json(call, refusalStatus[answer.refused.code] ?? 409, answer.refused);
      json(call, 202, answer);
    },

    async findRestart(call) {
      const id = call.params["id"] ?? "";
      const { wait } = checked(waitQuery, Object.fromEntries(call.query));
      const record = await held(call, (gone) => restartEnd(controller, id, wait, gone));
      if (record === undefined) throw new HelperError("INPOD_RESTART_UNKNOWN", `"${id.slice(0, 64)}"`);
      json(call, 200, record);
    },

    async cancelRestart(call) {
      const id = call.params["id"] ?? "";
      if (controller.find(id) === undefined) throw new HelperError("INPOD_RESTART_UNKNOWN", `"${id.slice(0, 64)}"`);
      if (!controller.cancel(id)) throw new HelperError("INPOD_RESTART_BEGUN");
      json(call, 200, controller.find(id) ?? {});
    },

    async diff(call) {
      const { n, colour } = checked(diffQuery, { ...Object.fromEntries(call.query), n: call.params["n"] });
      await orRefused(call, async () => {
        const text = await source.diff(n, colour === "1");
        json(call, 200, { n, diff: text });
      });
    },

    async hold(call) {
      const { held } = checked(holdBody, await readBody(call.request));
      await orRefused(call, async () => {
        json(call, 200, await deps.hold(held));
      });
    },

    async reportSource(call) {
      status.reportSource(withoutUndefined(checked(sourceReport, await readBody(call.request))) as SourceReport);
      events.statusChanged();
      json(call, 200, {});
    },

    events(call) {
      if (call.request.method === "HEAD") return json(call, 200, {});
      const { window } = checked(eventsQuery, Object.fromEntries(call.query));
      const send = events.open(call.response, keyOf(call));
      if (send === undefined) throw new HelperError("INPOD_STREAMS_FULL");
      // By the socket only: a page has no editors.
      if (window === undefined || call.caller.address !== "socket") return;
      const gone = editors.opened(window, send);
      events.statusChanged();
      call.response.on("close", () => {
        gone();
        events.statusChanged();
      });
    },

    async logs(call) {
      const { app, after, limit, wait } = checked(logsQuery, Object.fromEntries(call.query));
      const known = controller.status().map(({ name }) => name);
      if (app !== undefined && !known.includes(app)) {
        return json(call, 404, {
          code: "INPOD_APP_UNKNOWN",
          title: `there is no app "${app}" here`,
          fix: known.length === 0 ? "this workspace has no app beside it" : `name one of: ${known.join(", ")}`,
        });
      }
      const which = { ...(app === undefined ? {} : { app }), ...(after === undefined ? {} : { after }) };
      let lines = logs.read({ ...which, limit });
      if (lines.length === 0 && wait > 0) {
        await held(call, (gone) => logs.more(wait, gone));
        lines = logs.read({ ...which, limit });
      }
      json(call, 200, { lines });
    },

    async reportIde(call) {
      const { dirtyFiles, editors: report } = checked(ideBody, await readBody(call.request));
      if (report !== undefined) editors.reported(withoutUndefined(report));
      if (dirtyFiles !== undefined) {
        status.reportIde({ dirtyFiles });
        events.statusChanged();
      }
      json(call, 200, {});
    },
  };
}

/** The agent's own "no" is passed on; its silence is one of ours. */
async function orRefused({ request, response }: Call, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof SourceRefusal) return answerJson(request, response, error.status, error.body);
    if (error instanceof SourceGone) throw new HelperError("INPOD_SOURCE_AGENT_GONE", error.message, { cause: error });
    throw error;
  }
}

const keyOf = ({ caller }: Call): string => caller.session?.key ?? "";
