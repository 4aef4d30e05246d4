import assert from "node:assert/strict";
import { test } from "node:test";
import { openRawApp, openRawClient, openRouter, refusal } from "../testing/open-router.ts";

// An upgrade is a tunnel from the app's 101 on, and not a byte before.

const ask = (more = "") => `GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${more}\r\n`;
const smuggled = "GET /admin HTTP/1.1\r\nHost: a\r\n\r\n";

test("without a 101 there is no tunnel: what came along is the next request, read as strictly as any", async (t) => {
  const app = await openRawApp(t);
  const { port } = await openRouter(t, app.port);
  const answer = await openRawClient(t, port, `${ask()}GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n`).ended();
  assert.match(answer, /^HTTP\/1\.1 200 OK[^]*HTTP\/1\.1 400 /);
  assert.equal(app.received.join(""), ask());
});

test("nothing that is sent ahead reaches the app before its 101", async (t) => {
  const app = await openRawApp(t, (socket, text) => {
    assert.equal(text, ask());
    setTimeout(() => socket.write("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n"), 30);
    socket.pause();
  });
  const { port } = await openRouter(t, app.port);
  await openRawClient(t, port, `${ask()}${smuggled}`).sees(/426/);
  assert.equal(app.received[0], ask());
});

test("a 101 without Upgrade in the request's Connection header is a 502", async (t) => {
  const app = await openRawApp(t, (socket) => void socket.write("HTTP/1.1 101 Switching Protocols\r\n\r\nevil"));
  const { port } = await openRouter(t, app.port);
  const answer = await openRawClient(t, port, "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n").ended();
  assert.match(answer, /^HTTP\/1\.1 502 /);
});

test("an upgrade with a body is refused", async (t) => {
  const { answer, seen } = await refusal(t, `${ask("Content-Length: 3\r\n")}abc`);
  assert.match(answer, /^HTTP\/1\.1 400 /);
  assert.equal(seen, "");
});

test("h2c smuggling: the wish for HTTP/2 is taken out, the request itself is answered", async (t) => {
  const app = await openRawApp(t);
  const { port } = await openRouter(t, app.port);
  const head =
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n";
  await openRawClient(t, port, head).sees(/^HTTP\/1\.1 200 OK/);
  assert.equal(app.received[0], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
});
