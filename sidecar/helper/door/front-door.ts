import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { Serve } from "../app.ts";
import { statusOf } from "../errors.ts";
import { answerError, answerHtml, answerRedirect, newNonce, refuseUpgrade } from "../pages/answer.ts";
import { plainPage } from "../pages/page-text.ts";
import type { IdeProxy } from "../proxy/ide-proxy.ts";
import { headersOf } from "./headers.ts";
import { decide } from "./guard.ts";
import type { Incoming, Policy, Verdict } from "./guard.ts";
import { localPath } from "./local-path.ts";
import type { Peers } from "./peers.ts";
import { limit, serverOptions } from "./server-limits.ts";

const longestLoggedPath = 200;

/** One line about one request: never a query, a header or a body. */
export interface AccessLine {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly ms: number;
  readonly upgrade?: true;
}

export interface FrontDoor {
  listen(port: number, host: string | undefined): Promise<AddressInfo>;
  /** Takes nothing new; idempotent. */
  close(): Promise<void>;
}

/** The TCP side: every request and every upgrade meets the guard first, then goes to our own routes or to the IDE. */
export function createFrontDoor(deps: {
  readonly policy: Policy;
  readonly peers: Peers;
  readonly serve: Serve;
  readonly ide: IdeProxy;
  readonly access: (line: AccessLine) => void;
}): FrontDoor {
  const { policy, peers, serve, ide } = deps;
  const server = createServer(serverOptions);
  limit(server);

  const judge = (request: IncomingMessage, upgrade: boolean) => {
    const incoming: Incoming = {
      method: request.method ?? "",
      url: request.url ?? "",
      rawHeaders: request.rawHeaders,
      upgrade,
      remoteAddress: request.socket.remoteAddress ?? "",
      localAddress: request.socket.localAddress ?? "",
    };
    return { incoming, verdict: decide(incoming, policy) };
  };
  const passed = (incoming: Incoming, verdict: Extract<Verdict, { allow: true }>) => ({
    own: verdict.own,
    origin: verdict.origin,
    client: peers.clientOf(incoming.remoteAddress, headersOf(incoming.rawHeaders)),
    url: verdict.to.path + verdict.to.query,
    sessionKey: verdict.session?.key ?? "",
  });
  const note = (incoming: Incoming, status: number, since: number, upgrade = false) =>
    deps.access({
      method: incoming.method,
      path: (incoming.url.split("?")[0] ?? "").slice(0, longestLoggedPath),
      status,
      ms: Math.round(performance.now() - since),
      ...(upgrade ? { upgrade } : {}),
    });

  server.on("request", (request, response) => {
    const since = performance.now();
    const { incoming, verdict } = judge(request, false);
    response.once("close", () => note(incoming, response.statusCode, since));
    if (!verdict.allow) return refuse(request, response, incoming, verdict);
    const onward = passed(incoming, verdict);
    if (verdict.to.kind === "ide") return ide.request(request, response, onward);
    request.url = onward.url;
    serve(request, response, { session: verdict.session, own: verdict.own, address: onward.client });
  });

  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const since = performance.now();
    socket.on("error", () => socket.destroy());
    const { incoming, verdict } = judge(request, true);
    if (!verdict.allow) {
      const code = "code" in verdict ? verdict.code : "INPOD_UPGRADE_UNKNOWN";
      note(incoming, statusOf(code), since, true);
      return refuseUpgrade(socket, code);
    }
    note(incoming, 101, since, true);
    ide.upgrade(request, socket, head, passed(incoming, verdict));
  });

  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
    const status = error.code === "HPE_HEADER_OVERFLOW" ? "431 Request Header Fields Too Large" : "400 Bad Request";
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  });

  const refuse = (
    request: IncomingMessage,
    response: ServerResponse,
    incoming: Incoming,
    verdict: Extract<Verdict, { allow: false }>,
  ) => {
    // Who isn't let in holds no connection either.
    response.shouldKeepAlive = false;
    if ("redirect" in verdict) return answerRedirect(request, response, 308, verdict.redirect);
    if (!verdict.bounce || policy.auth !== "password") return answerError(request, response, verdict.code);
    const nonce = newNonce();
    const to = `${policy.basePath}/-/login?to=${encodeURIComponent(localPath(incoming.url, policy.basePath))}`;
    // A link from elsewhere comes without the Strict cookie; from this page of ours, the next step has it.
    const page = { title: "Opening the workspace", text: "One moment.", nonce, refresh: { seconds: 0, to } };
    answerHtml(request, response, statusOf(verdict.code), nonce, plainPage(page));
  };

  return {
    listen(port, host) {
      return new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
          server.off("error", reject);
          resolve(server.address() as AddressInfo);
        });
      });
    },
    close() {
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
        // What is still answered gets a moment.
        setTimeout(() => server.closeAllConnections(), 500).unref();
      });
    },
  };
}
