import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { rm } from "node:fs/promises";
import type {
  ApiError,
  ApiEvent,
  EditorsReport,
  LogLine,
  RestartAccepted,
  RestartRecord,
  RestartRequest,
  Status,
} from "../sidecar/protocol/index.ts";

/** A helper on its Unix socket that says what a test lets it say. */
export interface SpokenHelper {
  /** What new listeners hear first. */
  status: Status;
  lines: LogLine[];
  /** Restarts by id, as `GET restarts/:id` has them; a call waits for the end. */
  readonly records: Map<string, RestartRecord>;
  /** Answers `POST restart`. */
  onRestart: (ask: RestartRequest) => Promise<RestartAccepted | ApiError> | RestartAccepted | ApiError;
  readonly dirtyFiles: number[];
  readonly editors: EditorsReport[];
  readonly asked: RestartRequest[];
  say(event: ApiEvent): void;
  listeners(): number;
  close(): Promise<void>;
}

export async function openSpokenHelper(socketPath: string, status: Status): Promise<SpokenHelper> {
  const listeners = new Set<ServerResponse>();
  const server = createServer((incoming, response) => {
    answer(incoming, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  const helper: SpokenHelper = {
    status,
    lines: [],
    records: new Map(),
    onRestart: () => ({ code: "INPOD_TEST_SILENT", title: "this test expects no restart" }),
    dirtyFiles: [],
    editors: [],
    asked: [],
    say({ type, ...rest }) {
      for (const listener of listeners) listener.write(`event: ${type}\ndata: ${JSON.stringify(rest)}\n\n`);
    },
    listeners: () => listeners.size,
    async close() {
      server.close();
      server.closeAllConnections();
      await rm(socketPath, { force: true });
    },
  };

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(incoming.url ?? "/", "http://inpod");
    const json = (code: number, body: object) =>
      response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(body));
    const call = `${incoming.method} ${pathname}`;
    if (call === "GET /-/api/events") {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`retry: 1000\n\nevent: status\ndata: ${JSON.stringify({ status: helper.status })}\n\n`);
      listeners.add(response);
      response.on("close", () => listeners.delete(response));
    } else if (call === "GET /-/api/logs") {
      const after = Number(searchParams.get("after") ?? -1);
      json(200, { lines: helper.lines.filter(({ seq }) => seq > after) });
    } else if (call === "POST /-/api/ide") {
      const { dirtyFiles, editors } = JSON.parse(await bodyOf(incoming)) as {
        dirtyFiles?: number;
        editors?: EditorsReport;
      };
      if (dirtyFiles !== undefined) helper.dirtyFiles.push(dirtyFiles);
      if (editors !== undefined) helper.editors.push(editors);
      json(200, {});
    } else if (call === "POST /-/api/restart") {
      const ask = JSON.parse(await bodyOf(incoming)) as RestartRequest;
      helper.asked.push(ask);
      const said = await helper.onRestart(ask);
      json("code" in said ? 409 : 202, said);
    } else if (call.startsWith("GET /-/api/restarts/")) {
      const id = pathname.slice("/-/api/restarts/".length);
      const giveUp = Date.now() + Number(searchParams.get("wait") ?? 0);
      while (helper.records.get(id)?.outcome === undefined && Date.now() < giveUp) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      json(200, helper.records.get(id) ?? {});
    } else json(404, { code: "INPOD_TEST_UNKNOWN", title: call });
  }

  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(socketPath, resolve));
  return helper;
}

async function bodyOf(incoming: IncomingMessage): Promise<string> {
  let text = "";
  incoming.setEncoding("utf8");
  for await (const chunk of incoming) text += chunk;
  return text;
}
