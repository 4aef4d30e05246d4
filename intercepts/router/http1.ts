import { answerText } from "./answer.ts";
import { bodyOfLength, bodyUntilClose, chunkedBody, noBody } from "./body.ts";
import type { Body } from "./body.ts";
import type { Connection, ConnectionDeps } from "./connection.ts";
import { HeadProblem, isHopeless } from "./fields.ts";
import type { Admitted, Target } from "./gate.ts";
import { readRequestHead, Refusal, wantsH2c, withoutH2cUpgrade } from "./request-head.ts";
import type { RequestHead } from "./request-head.ts";
import { readResponseHead } from "./response-head.ts";
import type { ResponseHead } from "./response-head.ts";
import { createTunnel } from "./tunnel.ts";
import type { Tunnel } from "./tunnel.ts";
import { familyCount, openUpstream } from "./upstream.ts";
import type { Upstream } from "./upstream.ts";

const headEnd = "\r\n\r\n";
const retryMs = 20;

/** One request and its answer. */
interface Exchange {
  readonly request: RequestHead;
  /** The head, and what of the body had come with it: the bytes to send, and for a repeatable request, to send again. */
  readonly first: Buffer;
  /** The request's. */
  readonly body: Body;
  /** Counted by the gate until it is over. */
  target: Target | null;
  attempts: number;
  repeated: boolean;
  /** When the app first refused a connection for it. */
  refusedAt: number | null;
  /** A byte of an answer has come, interim ones too. */
  answered: boolean;
  interims: number;
  /** A head of which some is missing. */
  partial: Buffer | null;
  response: ResponseHead | null;
  answer: Body;
}

/**
 * HTTP/1.1 between one client and the app: heads are looked at strictly, bytes are passed on as they are. Requests are
 * answered in order, one at a time; the connection to the app is this client's alone, made when it is first needed, and let
 * go of when the app is about to be replaced.
 */
export function serveHttp1({ client, gate, limits, clock, onEnd }: ConnectionDeps, begun: Buffer): Connection {
  let phase: "idle" | "waiting" | "exchange" | "tunnel" | "closing" = "idle";
  let ahead: Buffer | null = null;
  /** How much of `ahead` has been looked at for a head. */
  let seen = 0;
  let headSince = 0;
  let exchange: Exchange | null = null;
  let upstream: Upstream | null = null;
  let tunnel: Tunnel | null = null;
  let stopWaiting: (() => void) | null = null;
  let halfClosed = false;
  let paused = false;
  let deadline = clock.now() + limits.idleMs;

  const patience = (ms: number) => (deadline = clock.now() + ms);

  /** Whether more of the client is wanted now. */
  const flow = () => {
    const want =
      phase === "exchange" && exchange !== null && !exchange.body.done
        ? upstream !== null && upstream.connected && !upstream.socket.writableNeedDrain
        : phase === "waiting"
          ? false
          : (ahead?.length ?? 0) <= limits.ahead;
    if (want !== paused) return;
    paused = !want;
    if (want) client.resume();
    else client.pause();
  };

  // ---- what the client sends

  const fromClient = (chunk: Buffer) => {
    if (phase === "closing" || phase === "tunnel") return;
    if (phase === "exchange" && exchange !== null && !exchange.body.done) return sendBody(exchange, chunk);
    if (ahead === null) headSince = clock.now();
    ahead = ahead === null ? chunk : Buffer.concat([ahead, chunk]);
    if (phase === "idle") next();
    else flow();
  };

  /** Begins the next request, if its head is whole. */
  const next = (): void => {
    if (ahead === null) return;
    const end = ahead.indexOf(headEnd, Math.max(0, seen - 3), "latin1");
    if (end < 0 || end + 4 > limits.head) {
      if (ahead.length > limits.head) {
        return refuse(new Refusal(431, `the request's head is larger than ${limits.head >> 10} KiB`));
      }
      const before = seen === 0 ? "" : ahead.toString("latin1", seen - 1, seen);
      if (isHopeless(before, ahead.toString("latin1", seen))) {
        return refuse(new Refusal(400, "the request's head has a control character, a bare CR or a bare LF"));
      }
      seen = ahead.length;
      patience(Math.max(0, headSince + limits.headMs - clock.now()));
      if (halfClosed) closeClient();
      return;
    }
    const text = ahead.toString("latin1", 0, end + 4);
    const request = readRequestHead(text);
    if (request instanceof Refusal) return refuse(request);
    const body = request.chunked
      ? chunkedBody()
      : request.contentLength === null
        ? noBody
        : bodyOfLength(request.contentLength);
    const used = body.read(ahead, end + 4);
    if (used < 0) return refuse(new Refusal(400, "the request's chunks can't be read in one way only"));
    if (request.upgrade !== "" && request.hasBody && !wantsH2c(request)) {
      return refuse(new Refusal(400, "the request asks for an upgrade and has a body"));
    }
    const stop = end + 4 + used;
    const verbatim = stop === ahead.length ? ahead : ahead.subarray(0, stop);
    const first = wantsH2c(request)
      ? Buffer.concat([Buffer.from(withoutH2cUpgrade(text), "latin1"), verbatim.subarray(end + 4)])
      : verbatim;
    ahead = stop === ahead.length ? null : ahead.subarray(stop);
    seen = 0;
    headSince = clock.now();
    exchange = {
      request,
      first,
      body,
      target: null,
      attempts: 0,
      repeated: false,
      refusedAt: null,
      answered: false,
      interims: 0,
      partial: null,
      response: null,
      answer: noBody,
    };
    enter(exchange);
  };

  const sendBody = (current: Exchange, chunk: Buffer) => {
    const used = current.body.read(chunk, 0);
    if (used < 0) {
      return refuse(new Refusal(400, "the request's chunks can't be read in one way only"));
    }
    upstream?.socket.write(used === chunk.length ? chunk : chunk.subarray(0, used));
    patience(limits.stalledMs);
    if (current.body.done) {
      if (used < chunk.length) ahead = chunk.subarray(used);
      headSince = clock.now();
      patience(limits.answerMs);
      if (current.response !== null && current.answer.done) return finish(current);
      passHalfClose();
    }
    flow();
  };

  // ---- the gate

  const enter = (current: Exchange) => {
    const target = gate.enter();
    if (target !== null) {
      current.target = target;
      return send(current);
    }
    phase = "waiting";
    current.refusedAt = null;
    flow();
    deadline = Infinity;
    stopWaiting = gate.wait(current.first.length + (ahead?.length ?? 0), (admitted: Admitted) => {
      stopWaiting = null;
      if (admitted === "late") {
        return refuse(new Refusal(503, "the app is being restarted, and it takes too long"));
      }
      current.target = admitted;
      send(current);
    });
    if (stopWaiting === null) {
      refuse(new Refusal(503, "the app is being restarted, and too many requests wait for it already"));
    }
  };

  const leave = (current: Exchange) => {
    if (current.target !== null) gate.leave(current.target);
    current.target = null;
  };

  // ---- the app's side

  const send = (current: Exchange) => {
    phase = "exchange";
    const { target } = current;
    if (target === null) return;
    if (upstream !== null && !stillGood(upstream, target, current.request)) dropUpstream();
    upstream ??= attach(openUpstream(target, current.attempts++, limits.connectMs));
    upstream.socket.write(current.first);
    patience(current.body.done ? limits.answerMs : limits.stalledMs);
    passHalfClose();
    flow();
  };

  /** The app may close an idle connection at any moment; who can't be sent twice doesn't take that risk. */
  const stillGood = (one: Upstream, target: Target, request: RequestHead) =>
    one.target === target && (request.repeatable || clock.now() - one.idleSince < limits.freshMs);

  const attach = (opened: Upstream): Upstream => {
    const { socket } = opened;
    const mine = () => upstream === opened && tunnel === null;
    socket.once("connect", () => {
      if (mine()) flow();
    });
    socket.on("data", (chunk: Buffer) => {
      if (mine()) fromApp(chunk);
    });
    socket.on("drain", () => {
      if (mine()) flow();
    });
    socket.on("end", () => {
      if (mine()) appGone(opened);
    });
    socket.on("close", () => {
      if (mine()) appGone(opened);
    });
    return opened;
  };

  const dropUpstream = () => {
    const old = upstream;
    upstream = null;
    old?.socket.destroy();
  };

  const fromApp = (chunk: Buffer) => {
    const current = exchange;
    // Nobody asked for it: whoever reads it as the answer to the next request has been fooled.
    if (phase !== "exchange" || current === null) return dropUpstream();
    if (current.response !== null && current.answer.done) return abort(current);
    current.answered = true;
    let data = chunk;
    let from = 0;
    if (current.partial !== null) {
      data = Buffer.concat([current.partial, chunk]);
      current.partial = null;
    }
    while (current.response === null) {
      const end = data.indexOf(headEnd, from, "latin1");
      if (end < 0 || end - from > limits.head) {
        const rest = data.subarray(from);
        if (rest.length > limits.head || isHopeless("", rest.toString("latin1"))) {
          return badAnswer("its head is too large or has a bare line end");
        }
        current.partial = rest;
        return;
      }
      const head = readResponseHead(data.toString("latin1", from, end + 4), current.request.method);
      if (head instanceof HeadProblem) return badAnswer(head.sentence);
      if (head.status === 101) {
        const asked = current.request.upgrade !== "" && current.request.connection.includes("upgrade");
        if (!asked || !current.body.done) return badAnswer("it switches protocols, and nobody asked it to");
        return becomeTunnel(current, data.subarray(from));
      }
      if (head.status < 200) {
        if (++current.interims > limits.interims) return badAnswer(`it has more than ${limits.interims} interim heads`);
        if (current.request.minor === 1) client.write(data.subarray(from, end + 4));
        from = end + 4;
        continue;
      }
      current.response = head;
      current.answer =
        head.body === "none"
          ? noBody
          : head.body === "chunked"
            ? chunkedBody()
            : head.body === "length"
              ? bodyOfLength(head.contentLength ?? 0)
              : bodyUntilClose();
      // A stream of events has no end to wait for: its client comes again by itself.
      if (head.contentType.startsWith("text/event-stream")) leave(current);
      return passAnswer(current, data, from, end + 4);
    }
    passAnswer(current, data, from, from);
  };

  /** Passes data on from `from`; its body begins at `bodyFrom`. */
  const passAnswer = (current: Exchange, data: Buffer, from: number, bodyFrom: number) => {
    const used = current.answer.done ? 0 : current.answer.read(data, bodyFrom);
    if (used < 0) return abort(current);
    const stop = bodyFrom + used;
    const taken = client.write(from === 0 && stop === data.length ? data : data.subarray(from, stop));
    if (!current.answer.done) {
      if (!taken) upstream?.socket.pause();
      patience(taken && current.body.done ? limits.answerMs : limits.stalledMs);
      return;
    }
    if (stop < data.length) return endAfterAnswer(current);
    if (current.body.done) finish(current);
    else if (!current.response?.keepAlive) endAfterAnswer(current);
  };

  /** Answer and request are whole. */
  const finish = (current: Exchange) => {
    const { request, response } = current;
    const goesOn = response?.keepAlive === true && request.keepAlive;
    // HTTP/1.0 believes in it only when told.
    const told = request.minor === 1 || response?.connection.includes("keep-alive") === true;
    leave(current);
    exchange = null;
    if (!goesOn || !told) {
      dropUpstream();
      return closeClient();
    }
    if (upstream !== null) {
      if (gate.held || upstream.target !== gate.target) dropUpstream();
      else upstream.idleSince = clock.now();
    }
    phase = "idle";
    patience(limits.idleMs);
    if (ahead === null) {
      if (halfClosed) return closeClient();
    } else {
      headSince = clock.now();
      next();
    }
    flow();
  };

  /** The answer is whole, and no further request may follow on this connection. */
  const endAfterAnswer = (current: Exchange) => {
    leave(current);
    exchange = null;
    dropUpstream();
    closeClient();
  };

  /** The app's connection has ended; nothing more comes from it. */
  const appGone = (gone: Upstream) => {
    dropUpstream();
    const current = exchange;
    if (phase !== "exchange" || current === null) return;
    if (current.response === null) {
      if (!gone.connected) return refused(current);
      if (current.answered) return badAnswer("it ends in the middle of its head");
      if (!current.request.repeatable || current.repeated || halfClosed) {
        return refuse(new Refusal(502, "the app closed the connection without an answer"));
      }
      current.repeated = true;
      leave(current);
      return enter(current);
    }
    if (current.answer.done || (current.response.body === "close" && gone.socket.readableEnded)) {
      return endAfterAnswer(current);
    }
    abort(current);
  };

  /** Nothing was sent, so any request may be tried again. */
  const refused = (current: Exchange) => {
    if (current.attempts % familyCount !== 0) return send(current);
    leave(current);
    current.refusedAt ??= clock.now();
    if (clock.now() - current.refusedAt >= limits.refusedMs) {
      return refuse(new Refusal(502, `the app doesn't listen on port ${gate.target.port}`));
    }
    phase = "waiting";
    flow();
    deadline = Infinity;
    const again = setTimeout(() => {
      stopWaiting = null;
      enter(current);
    }, retryMs);
    stopWaiting = () => clearTimeout(again);
  };

  const becomeTunnel = (current: Exchange, answer: Buffer) => {
    if (upstream === null) return;
    const app = upstream.socket;
    leave(current);
    exchange = null;
    phase = "tunnel";
    client.write(answer.subarray(0, answer.indexOf(headEnd) + 4));
    tunnel = createTunnel({
      client,
      app,
      webSocket: current.request.upgrade === "websocket",
      idleMs: limits.tunnelIdleMs,
      lingerMs: limits.lingerMs,
      clock,
      onEnd,
    });
    const early = answer.subarray(answer.indexOf(headEnd) + 4);
    if (early.length > 0) app.emit("data", early);
    if (ahead !== null) client.emit("data", ahead);
    if (halfClosed) app.end();
  };

  // ---- ends

  /** The app's answer is not passed on: what can't be read in one way only could be two answers to somebody else. */
  const badAnswer = (sentence: string) => refuse(new Refusal(502, `the app's answer can't be passed on: ${sentence}`));

  /** Answers in the app's place, or, where its answer has begun, cuts it off: a client must not take half for whole. */
  const refuse = (refusal: Refusal) => {
    const current = exchange;
    if (current !== null) {
      leave(current);
      if (current.response !== null) return abort(current);
    }
    exchange = null;
    ahead = null;
    dropUpstream();
    client.write(answerText(refusal, current?.request.method ?? ""), "latin1");
    closeClient();
  };

  const abort = (current: Exchange) => {
    leave(current);
    exchange = null;
    dropUpstream();
    phase = "closing";
    client.resetAndDestroy();
  };

  /** Ends our side, and listens a little longer: unread bytes would turn the end into a reset that can eat the answer. */
  const closeClient = () => {
    phase = "closing";
    ahead = null;
    dropUpstream();
    client.end();
    patience(limits.lingerMs);
    if (paused) {
      paused = false;
      client.resume();
    }
  };

  const passHalfClose = () => {
    if (halfClosed && ahead === null && exchange?.body.done === true) upstream?.socket.end();
  };

  client.on("data", fromClient);
  client.on("drain", () => {
    upstream?.socket.resume();
    if (phase === "exchange") patience(limits.answerMs);
  });
  client.on("end", () => {
    halfClosed = true;
    if (phase === "idle") closeClient();
    else if (phase === "exchange" && exchange !== null) {
      if (exchange.body.done) passHalfClose();
      else abort(exchange);
    } else if (phase === "closing") client.destroy();
  });
  client.on("close", () => {
    if (phase === "tunnel") return;
    stopWaiting?.();
    if (exchange !== null) leave(exchange);
    exchange = null;
    phase = "closing";
    dropUpstream();
    onEnd();
  });
  fromClient(begun);

  return {
    sweep(now) {
      if (tunnel !== null) return tunnel.sweep(now);
      if (now < deadline) return;
      if (phase === "idle") {
        if (ahead === null) closeClient();
        else refuse(new Refusal(408, `the request's head didn't arrive within ${limits.headMs / 1000} s`));
      } else if (phase === "closing") client.destroy();
      else if (exchange !== null) {
        if (!exchange.body.done) refuse(new Refusal(408, "the request's body doesn't arrive"));
        else refuse(new Refusal(504, "the app doesn't answer"));
      }
    },
    letGo() {
      if (phase === "idle" || phase === "waiting") dropUpstream();
    },
    close() {
      tunnel?.close();
      client.destroy();
    },
  };
}
