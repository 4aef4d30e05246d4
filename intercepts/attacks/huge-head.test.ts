import assert from "node:assert/strict";
import { test } from "node:test";
import { openRawApp, openRawClient, openRouter, refusal } from "../testing/open-router.ts";

test("a head of more than 64 KiB is refused before it has an end", async (t) => {
  const { answer, seen } = await refusal(t, `GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(70_000)}`);
  assert.match(answer, /^HTTP\/1\.1 431 /);
  assert.equal(seen, "");
});

test("a head of 60 KiB passes", async (t) => {
  const app = await openRawApp(t, (socket, _, all) => {
    if (all.endsWith("\r\n\r\n")) socket.write("HTTP/1.1 204 No Content\r\n\r\n");
  });
  const { port } = await openRouter(t, app.port);
  const head = `GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(60_000)}\r\n\r\n`;
  await openRawClient(t, port, head).sees(/^HTTP\/1\.1 204 /);
  assert.equal(app.received[0], head);
});

test("an answer's head without an end is a 502, and isn't collected for ever", async (t) => {
  const app = await openRawApp(t, (socket) => {
    socket.write(`HTTP/1.1 200 OK\r\n${`X: ${"a".repeat(1000)}\r\n`.repeat(70)}`);
  });
  const { port } = await openRouter(t, app.port);
  assert.match(await openRawClient(t, port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").ended(), /^HTTP\/1\.1 502 /);
});

test("interim answers without an end are a 502", async (t) => {
  const app = await openRawApp(t, (socket) => void socket.write("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100)));
  const { port } = await openRouter(t, app.port);
  assert.match(await openRawClient(t, port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").ended(), /HTTP\/1\.1 502 /);
});
