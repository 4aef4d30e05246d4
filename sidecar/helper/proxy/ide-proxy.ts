import { Agent, request as ask } from "node:http";
import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream";
import { answerError, answerHtml, newNonce, refuseUpgrade } from "../pages/answer.ts";
import { plainPage } from "../pages/page-text.ts";
import type { OpenStreams } from "../open-streams.ts";
import { requestHeaders, responseHeaders } from "./proxy-headers.ts";
import type { Onward } from "./proxy-headers.ts";

export interface Passed extends Onward {
  /** Path and query without the base path. */
  readonly url: string;
  readonly sessionKey: string;
}

export interface IdeProxy {
  request(incoming: IncomingMessage, response: ServerResponse, passed: Passed): void;
  upgrade(incoming: IncomingMessage, client: Duplex, head: Buffer, passed: Passed): void;
  close(): void;
}

/**
 * Passes requests on to code-server's Unix socket, bytes as they come: nothing is buffered but what the two sockets hold, and
 * who goes away on one side is gone on the other.
 */
export function createIdeProxy(deps: {
  readonly socketPath: string;
  readonly streams: OpenStreams;
  /** A session is in use as long as something flows through what it opened. */
  readonly touch: (sessionKey: string) => void;
}): IdeProxy {
  const { socketPath, streams, touch } = deps;
  const agent = new Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 16, timeout: 0 });

  const onward = (
    incoming: IncomingMessage,
    passed: Passed,
    extra: readonly string[],
    through: Agent | false,
  ): ClientRequest =>
    ask({
      socketPath,
      agent: through,
      method: incoming.method ?? "GET",
      path: passed.url,
      headers: [...requestHeaders(incoming.rawHeaders, passed), ...extra],
      setHost: false,
    });

  return {
    request(incoming, response, passed) {
      let upstream: ClientRequest | undefined;
      const forget = streams.add("request", passed.sessionKey, () => response.destroy());
      if (forget === undefined) return answerError(incoming, response, "INPOD_STREAMS_FULL");
      response.on("close", () => {
        forget();
        upstream?.destroy();
      });
      // Without its framing a body's bytes would be read as the next request.
      const chunked = incoming.headers["transfer-encoding"] !== undefined;
      const bodiless = !chunked && Number(incoming.headers["content-length"] ?? 0) === 0;
      const send = () => {
        const sent = onward(incoming, passed, chunked ? ["Transfer-Encoding", "chunked"] : [], agent);
        upstream = sent;
        sent.on("response", (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.statusMessage, responseHeaders(answer.rawHeaders));
          // pipeline destroys both ends when one breaks off: the browser sees a cut, never a whole but short answer.
          pipeline(answer, response, () => {});
        });
        sent.on("error", () => {
          if (response.headersSent) response.destroy();
          else if (response.destroyed) return;
          // The kept connection had been closed at the other end meanwhile; nothing was answered, nothing was sent but the head.
          else if (sent.reusedSocket && bodiless && incoming.method === "GET") send();
          else ideDown(incoming, response);
        });
        if (bodiless) sent.end();
        else pipeline(incoming, sent, () => {});
      };
      send();
    },

    upgrade(incoming, client, head, passed) {
      const upstream = onward(incoming, passed, ["Connection", "Upgrade", "Upgrade", "websocket"], false);
      const forget = streams.add("upgrade", passed.sessionKey, () => client.destroy());
      const end = () => {
        forget?.();
        upstream.destroy();
        client.destroy();
      };
      client.on("error", end).on("close", end);
      if (forget === undefined) {
        upstream.on("error", () => {}).destroy();
        return refuseUpgrade(client, "INPOD_STREAMS_FULL");
      }
      upstream.on("error", () => {
        if (!client.destroyed) refuseUpgrade(client, "INPOD_IDE_DOWN");
      });
      // The IDE said no: its words, then the end.
      upstream.on("response", (answer) => {
        client.write(headText(answer, ["Connection", "close"]));
        pipeline(answer, client, end);
      });
      upstream.on("upgrade", (answer, server, first) => {
        client.write(headText(answer, ["Connection", "Upgrade", "Upgrade", "websocket"]));
        if (first.length > 0) client.write(first);
        if (head.length > 0) server.write(head);
        for (const socket of [client, server]) {
          if ("setNoDelay" in socket && typeof socket.setNoDelay === "function") socket.setNoDelay(true);
          if ("setKeepAlive" in socket && typeof socket.setKeepAlive === "function") socket.setKeepAlive(true, 30_000);
        }
        client.on("data", () => touch(passed.sessionKey));
        client.on("close", () => server.destroy());
        server.on("error", end).on("close", () => client.end());
        client.pipe(server);
        server.pipe(client);
      });
      upstream.end();
    },

    close() {
      agent.destroy();
    },
  };
}

function headText(answer: IncomingMessage, extra: readonly string[]): string {
  const lines = [`HTTP/1.1 ${answer.statusCode ?? 502} ${answer.statusMessage ?? ""}`];
  const headers = [...responseHeaders(answer.rawHeaders), ...extra];
  for (let i = 0; i + 1 < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

function ideDown(incoming: IncomingMessage, response: ServerResponse): void {
  const dest = incoming.headers["sec-fetch-dest"];
  const visit = dest === "document" || (dest === undefined && (incoming.headers.accept ?? "").includes("text/html"));
  response.setHeader("retry-after", "1");
  if (!visit || incoming.method !== "GET") return answerError(incoming, response, "INPOD_IDE_DOWN");
  const nonce = newNonce();
  const title = "The IDE is starting";
  const text = "This page opens it as soon as it answers. Your app keeps running meanwhile; its state is at /-/.";
  answerHtml(incoming, response, 503, nonce, plainPage({ title, text, nonce, refresh: { seconds: 1 } }));
}
