import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, constants, createServer } from "node:http2";
import type {
  ClientHttp2Session,
  Http2Server,
  IncomingHttpHeaders,
  ServerHttp2Session,
  ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { openRawClient, openRouter, pause } from "../testing/open-router.ts";

async function openApp(
  t: TestContext,
  onStream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void,
  port = 0,
) {
  const sessions = new Set<ServerHttp2Session>();
  const server: Http2Server = createServer().on("stream", onStream);
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const close = async () => {
    for (const session of sessions) session.destroy();
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  };
  t.after(close);
  return { port: (server.address() as AddressInfo).port, sessions, close };
}

function openClient(t: TestContext, port: number): ClientHttp2Session {
  const client = connect(`http://127.0.0.1:${port}`);
  client.on("error", () => {});
  t.after(() => client.destroy());
  return client;
}

async function ask(client: ClientHttp2Session, headers: object, body?: string, trailers?: object) {
  const stream = client.request({ ":path": "/", ...headers }, { endStream: body === undefined, waitForTrailers: true });
  let answerTrailers: IncomingHttpHeaders = {};
  const interims: unknown[] = [];
  stream.on("headers", (head) => interims.push(head[":status"]));
  stream.on("trailers", (found) => (answerTrailers = found));
  stream.on("wantTrailers", () => stream.sendTrailers({ ...trailers }));
  if (body !== undefined) stream.end(body);
  const [head] = (await once(stream, "response")) as [IncomingHttpHeaders];
  stream.setEncoding("utf8");
  let text = "";
  for await (const chunk of stream) text += String(chunk);
  return { status: head[":status"], head, text, trailers: answerTrailers, interims };
}

const echo = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
  let trailers: IncomingHttpHeaders = {};
  stream.on("error", () => {});
  stream.on("trailers", (found) => (trailers = found));
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0", was: trailers["x-end"] ?? "" }));
  if (headers["x-interim"] !== undefined) stream.additionalHeaders({ ":status": 103, link: "</a>" });
  stream.respond({ ":status": 200, path: headers[":path"] ?? "", asked: headers.te ?? "" }, { waitForTrailers: true });
  stream.pipe(stream);
};

test("a stream with body, trailers both ways and early hints, as gRPC uses them", async (t) => {
  const app = await openApp(t, echo);
  const { port, gate } = await openRouter(t, app.port);
  const client = openClient(t, port);
  const answer = await ask(client, { ":method": "POST", te: "trailers", "x-interim": "1" }, "hello", {
    "x-end": "yes",
  });
  assert.deepEqual(
    [answer.status, answer.head["asked"], answer.text, answer.trailers["grpc-status"], answer.trailers["was"]],
    [200, "trailers", "hello", "0", "yes"],
  );
  assert.deepEqual(answer.interims, [103]);
  const big = "x".repeat(3_000_000);
  assert.equal((await ask(client, { ":method": "POST" }, big)).text.length, big.length);
  await pause(5);
  assert.equal(gate.target.inFlight, 0);
});

test("fifty streams at once share one connection to the app", async (t) => {
  const app = await openApp(t, echo);
  const { port } = await openRouter(t, app.port);
  const client = openClient(t, port);
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) => ask(client, { ":method": "POST", ":path": `/${i}` }, `body ${i}`)),
  );
  for (const [i, { text, head }] of answers.entries()) assert.deepEqual([text, head["path"]], [`body ${i}`, `/${i}`]);
  assert.equal(app.sessions.size, 1);
});

test("an answer of trailers alone, HEAD and 204 come through whole", async (t) => {
  const app = await openApp(t, (stream, headers) => {
    if (headers[":path"] === "/204") stream.respond({ ":status": 204 }, { endStream: true });
    else stream.respond({ ":status": 200, "grpc-status": "12", "content-length": "5" }, { endStream: true });
  });
  const { port } = await openRouter(t, app.port);
  const client = openClient(t, port);
  assert.equal((await ask(client, { ":method": "HEAD" })).head["grpc-status"], "12");
  assert.equal((await ask(client, { ":path": "/204" })).status, 204);
});

test("a cancelled stream is cancelled at the app; one that breaks off is reset at the client, never ended as if whole", async (t) => {
  const codes: number[] = [];
  const app = await openApp(t, (stream, headers) => {
    stream.on("error", () => {});
    stream.on("close", () => codes.push(stream.rstCode));
    stream.respond({ ":status": 200 });
    stream.write("begun");
    if (headers[":path"] === "/reset") setTimeout(() => stream.destroy(new Error("broken")), 20);
  });
  const { port, gate } = await openRouter(t, app.port);
  const client = openClient(t, port);
  const cancelled = client.request({ ":path": "/" });
  await once(cancelled, "response");
  cancelled.close(constants.NGHTTP2_CANCEL);
  while (codes.length === 0) await pause(5);
  assert.equal(codes[0], constants.NGHTTP2_CANCEL);
  const reset = client.request({ ":path": "/reset" });
  reset.on("error", () => {});
  reset.resume();
  await new Promise((resolve) => reset.once("close", resolve));
  assert.equal(reset.rstCode, constants.NGHTTP2_INTERNAL_ERROR);
  assert.equal(reset.readableEnded, false);
  while (gate.target.inFlight > 0) await pause(5);
});

test("a restart: streams in flight end on the old process, later ones wait for the new one, the connection stays", async (t) => {
  const slow = await openApp(t, (stream) => {
    setTimeout(() => {
      stream.respond({ ":status": 200 });
      stream.end("old");
    }, 80);
  });
  const { port, gate } = await openRouter(t, slow.port);
  const client = openClient(t, port);
  const inFlight = ask(client, {});
  while (gate.target.inFlight === 0) await pause(2);
  gate.hold(5000);
  const waiting = ask(client, { ":method": "POST" }, "kept");
  assert.equal(await gate.drained(gate.target, 5000), 0);
  assert.equal((await inFlight).text, "old");
  while (slow.sessions.size > 0) await pause(2);
  await slow.close();
  await openApp(t, echo, slow.port);
  gate.release();
  assert.equal((await waiting).text, "kept");
  assert.equal(client.closed, false);
});

test("the app dies: a GET in flight is asked again, a POST is told, the client's connection stays", async (t) => {
  let seen = 0;
  const app = await openApp(t, (stream, headers) => {
    stream.on("error", () => {});
    if (++seen < 3) {
      if (seen === 2) stream.session?.destroy();
      return;
    }
    echo(stream, headers);
  });
  const { port, router } = await openRouter(t, app.port);
  const client = openClient(t, port);
  const post = ask(client, { ":method": "POST" }, "once");
  while (seen < 1) await pause(2);
  const get = await ask(client, {});
  assert.equal(get.status, 200);
  assert.equal((await post).status, 502);
  assert.equal(client.closed, false);
  client.close();
  while (router.connections() > 0) await pause(5);
});

test("CONNECT, a :path that is none and two authorities are refused; the app sees nothing", async (t) => {
  let seen = 0;
  const app = await openApp(t, (stream) => {
    seen++;
    stream.respond({ ":status": 200 }, { endStream: true });
  });
  const { port } = await openRouter(t, app.port);
  const client = openClient(t, port);
  const connected = client.request({ ":method": "CONNECT", ":authority": "internal:443" });
  const [head] = (await once(connected, "response")) as [IncomingHttpHeaders];
  assert.equal(head[":status"], 405);
  // Node's own parser, before us.
  await assert.rejects(ask(client, { ":path": "http://internal/" }), /PROTOCOL_ERROR/);
  assert.equal((await ask(client, { ":path": "/a#b" })).status, 400);
  assert.equal((await ask(client, { ":authority": "a", host: "b" })).status, 400);
  assert.equal(seen, 0);
});

test("nobody listens: 502 after the patience, and no stream is left", async (t) => {
  const { port, gate } = await openRouter(t, 1, { limits: { refusedMs: 50 } });
  const answer = await ask(openClient(t, port), {});
  assert.equal(answer.status, 502);
  assert.match(answer.text, /doesn't listen on port 1/);
  assert.equal(gate.target.inFlight, 0);
});

test("a preface that comes byte by byte is HTTP/2, and a POST that comes so is HTTP/1.1", async (t) => {
  const app = await openApp(t, echo);
  const { port } = await openRouter(t, app.port);
  const client = openRawClient(t, port);
  for (const byte of "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") {
    client.socket.write(byte);
    await pause(1);
  }
  client.socket.write("\0\0\0\x04\0\0\0\0\0", "latin1");
  await client.sees(/^\0\0[^]{7}/);
  const post = openRawClient(t, port);
  for (const byte of "POST / HTTP/9\r\n\r\n") {
    post.socket.write(byte);
    await pause(1);
  }
  assert.match(await post.ended(), /^HTTP\/1\.1 400/);
});
