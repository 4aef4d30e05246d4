import { chmod, rename, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import * as v from "valibot";
import type { ApiError, SourceReport } from "../protocol/index.ts";
import { type Snapshots, UnknownRestart } from "./git/snapshots.ts";
import type { Preparer } from "./prepare.ts";

const largestBody = 16 * 1024;
/** The helper takes 2 MiB. */
const largestDiff = 1024 * 1024;

const number = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000_000_000));
const prepareBody = v.strictObject({
  id: v.pipe(v.string(), v.minLength(1), v.maxLength(100)),
  build: v.boolean(),
  to: v.optional(number),
});
const holdBody = v.strictObject({ held: v.boolean() });

export interface AgentApi {
  listen(): Promise<void>;
  close(): Promise<void>;
}

/** A "no" with its status. */
class Refusal extends Error {
  readonly status: number;
  readonly body: ApiError;
  constructor(status: number, body: ApiError) {
    super(body.title);
    this.status = status;
    this.body = body;
  }
}

/** What the helper asks of the agent, on a Unix socket of mode 0660: the IDE's user and the helper share its group. */
export function createAgentApi(deps: {
  readonly path: string;
  readonly preparer: Preparer;
  readonly snapshots: Snapshots;
  readonly report: () => SourceReport;
  /** Undefined where nothing restarts on save. */
  readonly hold: ((held: boolean) => Promise<void>) | undefined;
}): AgentApi {
  const { snapshots } = deps;

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<object | string> => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://agent.invalid");
    const call = `${request.method} ${pathname}`;
    if (call === "GET /status") return deps.report();
    if (call === "POST /prepare") {
      const what = checked(prepareBody, await readJson(request));
      const cancel = new AbortController();
      // Whoever asked has gone, or has thought better of it.
      response.on("close", () => cancel.abort());
      return (await deps.preparer.prepare(what, cancel.signal)) ?? {};
    }
    if (call === "POST /hold") {
      const { held } = checked(holdBody, await readJson(request));
      if (deps.hold === undefined) throw new Refusal(409, saveOff);
      await deps.hold(held);
      return deps.report();
    }
    const kept = /^GET \/(restarts|diff)\/(\d{1,9})$/.exec(call);
    if (kept !== null) {
      if (!snapshots.available()) throw new Refusal(409, notGit);
      const n = Number(kept[2]);
      if (kept[1] === "diff") {
        const text = await snapshots.diff(n, { cut: largestDiff, colour: searchParams.get("colour") === "1" });
        return text.length < largestDiff
          ? text
          : `${text}\n… cut here: git diff refs/inpod/restarts/${n} shows all of it\n`;
      }
      const numbers = await snapshots.numbers();
      if (!numbers.includes(n)) throw new UnknownRestart(n, numbers);
      return { n };
    }
    throw new Refusal(404, {
      code: "INPOD_ROUTE_UNKNOWN",
      title: `the source agent has no ${call.slice(0, 200)}`,
      fix: "use the version that came with it",
    });
  };

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    try {
      const body = await answer(request, response);
      const text = typeof body === "string" ? body : JSON.stringify(body);
      response.writeHead(200, {
        "content-type": typeof body === "string" ? "text/plain; charset=utf-8" : "application/json",
      });
      response.end(text);
    } catch (error) {
      const { status, body } = refusalOf(error);
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    }
  };

  const server = createServer(
    { keepAliveTimeout: 65_000, noDelay: true, maxHeaderSize: 8192 },
    (request, response) => void handle(request, response),
  );
  server.requestTimeout = 10_000;
  server.maxConnections = 64;

  return {
    async listen() {
      const fresh = `${deps.path}.new`;
      await rm(fresh, { force: true });
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(fresh, resolve);
      });
      await chmod(fresh, 0o660);
      await rename(fresh, deps.path);
    },
    async close() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

const saveOff: ApiError = {
  code: "INPOD_SAVE_OFF",
  title: "nothing restarts on save in this workspace, so there is nothing to hold",
  fix: "set restart.onSave: true in the chart's values (npm start: INPOD_RESTART_ON_SAVE=true)",
};
const notGit: ApiError = {
  code: "INPOD_SOURCE_NOT_GIT",
  title: "the source is not a git repository, so restarts don't remember what they ran",
  fix: "type `git init` in the source folder; the next restart is remembered",
};

function refusalOf(error: unknown): { status: number; body: ApiError } {
  if (error instanceof Refusal) return error;
  if (error instanceof UnknownRestart) {
    const { numbers } = error;
    const which =
      numbers.length === 0
        ? "none is kept yet: the next restart will be"
        : `kept are ${numbers[0]} to ${numbers.at(-1)}`;
    return {
      status: 404,
      body: { code: "INPOD_RESTART_FORGOTTEN", title: error.message, fix: `${which}; inpod restarts lists them` },
    };
  }
  const title = error instanceof Error ? error.message : String(error);
  return { status: 500, body: { code: "INPOD_SOURCE_FAILED", title, fix: "see the IDE container's log" } };
}

function checked<S extends v.GenericSchema>(schema: S, given: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, given);
  if (result.success) return result.output;
  const title = result.issues.map((issue) => `${v.getDotPath(issue) ?? "the body"}: ${issue.message}`).join("; ");
  throw new Refusal(400, {
    code: "INPOD_REQUEST_INVALID",
    title,
    fix: "the helper and the source agent are of different versions, perhaps",
  });
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > largestBody)
      throw new Refusal(413, {
        code: "INPOD_BODY_TOO_LARGE",
        title: "the body is larger than 16 KiB",
        fix: "send less",
      });
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
