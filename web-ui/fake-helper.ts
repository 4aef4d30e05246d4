import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { ApiError, ApiEvent, AppStatus, LogLine, RestartRecord, Status } from "@inpod/sidecar/protocol";

/** Stands in for the helper in front of a browser: the real page, made-up apps. */
export interface FakeHelper {
  readonly origin: string;
  /** What the next answers say; a change goes to every open page. */
  setStatus(change: Partial<Status>): void;
  setApp(change: Partial<AppStatus>): void;
  setRestarts(records: readonly RestartRecord[]): void;
  say(...lines: string[]): void;
  /** Plays a restart through: each step as an event, `record` with what is known after it. */
  step(record: RestartRecord): void;
  /** What `POST restart` answers from now on; by default it accepts and plays nothing. */
  answerRestart(answer: { status: number; body: object }): void;
  /** Bodies of the `POST restart` so far. */
  readonly asked: readonly unknown[];
  /** Ends every event stream; the next connection is refused while `down`. */
  drop(down: boolean): void;
  setLoggedIn(loggedIn: boolean): void;
  readonly token: string;
  readonly password: string;
  close(): Promise<void>;
}

const types: Readonly<Record<string, string>> = { js: "text/javascript", css: "text/css", svg: "image/svg+xml" };

/** @param dist what `buildWebUi` made; @param base path prefix without a slash at its end */
export async function createFakeHelper(options: {
  dist: string;
  base?: string;
  status: Status;
  port?: number;
}): Promise<FakeHelper> {
  const { dist, base = "" } = options;
  let { status } = options;
  let restarts: readonly RestartRecord[] = [];
  const lines: LogLine[] = [];
  let accepted: { status: number; body: object } | undefined;
  let loggedIn = true;
  let down = false;
  let failures = 0;
  const asked: unknown[] = [];
  const streams = new Set<ServerResponse>();
  const token = "one-time-token-of-the-test";
  const password = "correct horse";

  const send = ({ type, ...data }: ApiEvent) => {
    for (const stream of streams) stream.write(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
  };

  const page = async (response: ServerResponse, name: string) => {
    const text = await readFile(join(dist, name), "utf8");
    const nonce = "nonceOfTheTest";
    const policy = [
      "default-src 'none'",
      `script-src 'nonce-${nonce}'`,
      `style-src 'nonce-${nonce}'`,
      "img-src 'self'",
      "connect-src 'self'",
      "form-action 'self'",
      "base-uri 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
    ];
    response.writeHead(200, { "content-type": "text/html", "content-security-policy": policy.join("; ") });
    response.end(
      text.replaceAll("__NONCE__", nonce).replaceAll("__BASE__", base).replaceAll("__RELEASE__", status.release),
    );
  };

  const logIn = async (request: IncomingMessage, response: ServerResponse) => {
    const body = (await readJson(request)) as { password?: string; token?: string };
    if (failures > 2) {
      failures = 0;
      return json(response, 429, slow, { "retry-after": "1" });
    }
    loggedIn = body.token === token || body.password === password;
    if (!loggedIn) failures++;
    return loggedIn ? json(response, 200, {}) : json(response, 401, wrong);
  };

  const follow = (response: ServerResponse) => {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    response.write(": hello\n\n");
    streams.add(response);
    response.on("close", () => streams.delete(response));
  };

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? "/", "http://fake");
    if (down) return request.destroy();
    if (!url.pathname.startsWith(`${base}/`)) return json(response, 404, unknown);
    const path = `${request.method} ${url.pathname.slice(base.length)}`;
    if (path === "GET /-/login") return page(response, "login.html");
    if (path === "POST /-/login") return logIn(request, response);
    if (path.startsWith("GET /-/assets/")) {
      const name = path.slice("GET /-/assets/".length);
      response.writeHead(200, { "content-type": types[name.split(".").at(-1) ?? ""] ?? "" });
      return response.end(await readFile(join(dist, "assets", name)));
    }
    if (!loggedIn) return json(response, 401, notLoggedIn);
    switch (path) {
      case "GET /":
        response.writeHead(200, { "content-type": "text/html" });
        return response.end("<!doctype html><title>the IDE</title><p>the IDE");
      case "GET /-/":
        return page(response, "index.html");
      case "GET /-/api/status":
        return json(response, 200, status);
      case "GET /-/api/restarts":
        return json(response, 200, { restarts });
      case "GET /-/api/logs":
        return json(response, 200, { lines: lines.filter((line) => line.app === url.searchParams.get("app")) });
      case "GET /-/api/events":
        return follow(response);
      case "POST /-/api/restart": {
        asked.push(await readJson(request));
        const app = status.app[0];
        const plain = { status: 202, body: { id: "asked", app: app?.name, how: app?.how } };
        return json(response, (accepted ?? plain).status, (accepted ?? plain).body);
      }
      case "POST /-/logout":
        loggedIn = false;
        return json(response, 200, {});
      default:
        return json(response, 404, unknown);
    }
  };

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));

  const helper: FakeHelper = {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    asked,
    token,
    password,
    setStatus(change) {
      status = { ...status, ...change };
      send({ type: "status", status });
    },
    setApp(change) {
      const [app, ...others] = status.app;
      if (app !== undefined) helper.setStatus({ app: [{ ...app, ...change }, ...others] });
    },
    setRestarts(records) {
      restarts = records;
    },
    say(...texts) {
      for (const text of texts) {
        const line = { seq: (lines.at(-1)?.seq ?? 0) + 1, app: status.app[0]?.name ?? "app", text };
        lines.push(line);
        send({ type: "log", line });
      }
    },
    step(record) {
      restarts = [...restarts.filter(({ id }) => id !== record.id), record];
      send({ type: "restart", restart: record });
    },
    answerRestart(answer) {
      accepted = answer;
    },
    drop(isDown) {
      down = isDown;
      for (const stream of streams) stream.destroy();
    },
    setLoggedIn(value) {
      loggedIn = value;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return helper;
}

function json(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  return JSON.parse(text);
}

const wrong: ApiError = {
  code: "INPOD_LOGIN_WRONG",
  title: "that isn't the password",
  fix: "the chart's notes tell how to read it from its Secret",
};
const slow: ApiError = {
  code: "INPOD_LOGIN_SLOW",
  title: "too many wrong passwords from this address",
  fix: "wait as long as Retry-After says; who is logged in stays so",
};
const notLoggedIn: ApiError = { code: "INPOD_SESSION_NONE", title: "not logged in", fix: "log in at /-/login" };
const unknown: ApiError = { code: "INPOD_ROUTE_UNKNOWN", title: "there is nothing here" };
