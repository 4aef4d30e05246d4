import { connect, constants, performServerHandshake } from "node:http2";
import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  Http2Stream,
  IncomingHttpHeaders,
  ServerHttp2Stream,
} from "node:http2";
import { answerBody } from "./answer.ts";
import type { Connection, ConnectionDeps } from "./connection.ts";
import type { Target } from "./gate.ts";
import { isIdempotent, Refusal } from "./request-head.ts";
import { familyCount, openUpstream } from "./upstream.ts";

const { NGHTTP2_CANCEL, NGHTTP2_FLAG_END_STREAM, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } =
  constants;
const retryMs = 20;
/** What a waiting stream is counted for: its body stays with the client, by flow control. */
const waitingBytes = 4096;

/** A connection to the app, one at a time for each client's. */
interface Upstream {
  readonly session: ClientHttp2Session;
  readonly target: Target;
}

/** One stream's way. */
interface Exchange {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly hasBody: boolean;
  /** The request's; they may come before the app is even asked. */
  trailers: IncomingHttpHeaders;
  target: Target | null;
  repeated: boolean;
  refusedAt: number | null;
}

/**
 * Cleartext HTTP/2 by prior knowledge, stream by stream: each waits at the gate by itself, and the client's connection
 * outlives the app's process. (To tunnel the connection and send GOAWAY would lose whatever a client doesn't ask again.)
 */
export function serveHttp2({ client, gate, limits, clock, onEnd }: ConnectionDeps): Connection {
  let upstream: Upstream | null = null;
  let opening: { readonly target: Target; readonly waiting: ((opened: Upstream | null) => void)[] } | null = null;

  // A half of an HTTP/2 connection is of no use.
  client.allowHalfOpen = false;
  const session = performServerHandshake(client, {
    settings: { maxConcurrentStreams: limits.streams, maxHeaderListSize: limits.head, enablePush: false },
    maxSessionMemory: 16,
  });
  session.on("error", () => {});
  session.on("stream", (stream, headers, flags) => {
    stream.on("error", () => {});
    const exchange: Exchange = {
      stream,
      headers,
      hasBody: (flags & NGHTTP2_FLAG_END_STREAM) === 0,
      trailers: {},
      target: null,
      repeated: false,
      refusedAt: null,
    };
    stream.once("trailers", (trailers) => (exchange.trailers = trailers));
    const refusal = refuse(headers);
    if (refusal === null) enter(exchange);
    else answer(stream, refusal);
  });
  session.setTimeout(limits.idleMs, () => session.close());
  session.once("close", () => {
    upstream?.session.destroy();
    upstream = null;
    onEnd();
  });

  const enter = (exchange: Exchange) => {
    const { stream } = exchange;
    const target = gate.enter();
    if (target !== null) {
      exchange.target = target;
      return open(exchange, target);
    }
    exchange.refusedAt = null;
    const gone = () => stopWaiting?.();
    const stopWaiting = gate.wait(waitingBytes, (admitted) => {
      stream.removeListener("close", gone);
      if (admitted === "late") return answer(stream, tooLong);
      exchange.target = admitted;
      open(exchange, admitted);
    });
    if (stopWaiting === null) answer(stream, tooMany);
    else stream.once("close", gone);
  };

  const leave = (exchange: Exchange) => {
    if (exchange.target !== null) gate.leave(exchange.target);
    exchange.target = null;
  };

  const open = (exchange: Exchange, target: Target) => {
    const usable =
      upstream !== null && upstream.target === target && !upstream.session.closed && !upstream.session.destroyed;
    if (usable && upstream !== null) return send(exchange, upstream);
    letGo();
    withUpstream(target, (opened) => {
      if (exchange.stream.closed) return leave(exchange);
      if (opened !== null) return send(exchange, opened);
      leave(exchange);
      exchange.refusedAt ??= clock.now();
      if (clock.now() - exchange.refusedAt >= limits.refusedMs) {
        return answer(exchange.stream, new Refusal(502, `the app doesn't listen on port ${target.port}`));
      }
      const again = setTimeout(() => enter(exchange), retryMs);
      exchange.stream.once("close", () => clearTimeout(again));
    });
  };

  /** Opens one connection for all streams that come meanwhile; null when the app refuses it. */
  const withUpstream = (target: Target, then: (opened: Upstream | null) => void) => {
    if (opening !== null && opening.target === target) {
      opening.waiting.push(then);
      return;
    }
    const mine = { target, waiting: [then] };
    opening = mine;
    const end = (opened: Upstream | null) => {
      if (opening === mine) opening = null;
      if (session.destroyed) opened?.session.destroy();
      else if (opened !== null) upstream = opened;
      for (const each of mine.waiting) each(opened);
    };
    const attempt = (count: number) => {
      if (count === familyCount) return end(null);
      const { socket } = openUpstream(target, count, limits.connectMs);
      const refused = () => attempt(count + 1);
      socket.allowHalfOpen = false;
      socket.once("close", refused);
      socket.once("connect", () => {
        socket.removeListener("close", refused);
        const made = connect(`http://127.0.0.1:${target.port}`, {
          createConnection: () => socket,
          maxSessionMemory: 16,
          settings: { enablePush: false },
        });
        made.on("error", () => {});
        end({ session: made, target });
      });
    };
    attempt(0);
  };

  const send = (exchange: Exchange, { session: to }: Upstream) => {
    const { stream, headers, hasBody } = exchange;
    if (stream.closed) return leave(exchange);
    const ask = request(to, headers, hasBody);
    if (ask === null) return failed(exchange, NGHTTP2_INTERNAL_ERROR);
    let answered = false;
    let answerTrailers: IncomingHttpHeaders = {};

    const cancelled = () => reset(ask, stream.rstCode === NGHTTP2_NO_ERROR ? NGHTTP2_CANCEL : stream.rstCode);
    stream.once("close", cancelled);
    ask.once("wantTrailers", () => ask.sendTrailers(exchange.trailers));
    if (hasBody) pass(stream, ask);

    ask.setTimeout(limits.answerMs, () => reset(ask, NGHTTP2_CANCEL));
    ask.on("error", () => {});
    ask.on("headers", (interim) => {
      if (!stream.headersSent && !stream.closed) stream.additionalHeaders(interim);
    });
    ask.once("response", (head, flags) => {
      answered = true;
      if (stream.closed) return;
      const ends = (flags & NGHTTP2_FLAG_END_STREAM) !== 0;
      // Without content there are no trailers either, and a stream that waits for them would stay open.
      const bodyless = headers[":method"] === "HEAD" || head[":status"] === 204 || head[":status"] === 304;
      stream.once("wantTrailers", () => stream.sendTrailers(answerTrailers));
      stream.respond(head, { endStream: ends || bodyless, waitForTrailers: !ends && !bodyless });
      if (ends || bodyless) ask.resume();
      else pass(ask, stream);
      if (head["content-type"]?.startsWith("text/event-stream") === true) leave(exchange);
    });
    ask.once("trailers", (trailers) => (answerTrailers = trailers));
    ask.once("close", () => {
      stream.removeListener("close", cancelled);
      leave(exchange);
      if (stream.closed) return;
      const code = ask.rstCode;
      const whole = answered && ask.readableEnded && code === NGHTTP2_NO_ERROR;
      if (whole) return;
      const mayRepeat = code === NGHTTP2_REFUSED_STREAM || isIdempotent(headers[":method"] ?? "");
      if (!answered && !hasBody && mayRepeat && !exchange.repeated) {
        exchange.repeated = true;
        return enter(exchange);
      }
      failed(exchange, code);
    });
  };

  const failed = (exchange: Exchange, code: number) => {
    leave(exchange);
    const { stream } = exchange;
    if (stream.headersSent) reset(stream, code === NGHTTP2_NO_ERROR ? NGHTTP2_INTERNAL_ERROR : code);
    else answer(stream, new Refusal(502, "the app ended the stream without an answer"));
  };

  const letGo = () => {
    // Streams that are on it still end on it.
    upstream?.session.close();
    upstream = null;
  };

  return {
    sweep() {},
    letGo,
    close: () => session.destroy(),
  };
}

const tooLong = new Refusal(503, "the app is being restarted, and it takes too long");
const tooMany = new Refusal(503, "the app is being restarted, and too many requests wait for it already");

function refuse(headers: IncomingHttpHeaders): Refusal | null {
  const { ":method": method, ":path": path = "", ":authority": authority, host } = headers;
  if (method === "CONNECT") return new Refusal(405, "CONNECT asks for a forward proxy, and this is none");
  // oxlint-disable-next-line no-control-regex
  if (!/^(?:\/[\x21\x22\x24-\x7e]*|\*)$/.test(path)) return new Refusal(400, "the request's :path is no path");
  if (authority !== undefined && host !== undefined && authority !== host) {
    return new Refusal(400, "the request's :authority and host differ");
  }
  return null;
}

/** A stream that is reset "ends" too: only one that has ended by itself may look whole to the other side. */
function pass(from: Http2Stream, to: Http2Stream): void {
  from.pipe(to, { end: false });
  from.once("end", () => {
    if (from.rstCode === NGHTTP2_NO_ERROR && !from.aborted) to.end();
  });
}

/** `close` ends a stream that is still being written before it resets it, and half a body would look whole. */
function reset(stream: Http2Stream, code: number): void {
  if (stream.writableEnded) stream.close(code);
  else stream.destroy(new Error(`reset with code ${code}`));
}

function request(to: ClientHttp2Session, headers: IncomingHttpHeaders, hasBody: boolean): ClientHttp2Stream | null {
  const { "http2-settings": _, ...passed } = headers;
  try {
    return to.request(passed, { endStream: !hasBody, waitForTrailers: hasBody });
  } catch {
    return null;
  }
}

function answer(stream: ServerHttp2Stream, refusal: Refusal): void {
  if (stream.closed) return;
  const head = { ":status": refusal.status, server: "inpod-front", "content-type": "text/plain; charset=utf-8" };
  stream.respond(refusal.status === 503 ? { ...head, "retry-after": "1" } : head);
  stream.end(answerBody(refusal));
  // What is left of the request isn't wanted.
  stream.resume();
}
