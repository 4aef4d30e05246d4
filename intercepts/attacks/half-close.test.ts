import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { openRawApp, openRawClient, openRouter, pause } from "../testing/open-router.ts";

// A client that has said all and waits is not a client that has gone.

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

test("a client that half-closes after its request gets its answer, and the app is told", async (t) => {
  const app = await openRawApp(t, (socket) => {
    socket.removeAllListeners("end");
    socket.once("end", () => setTimeout(() => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), 20));
  });
  const { port, gate } = await openRouter(t, app.port);
  const client = openRawClient(t, port, get);
  client.socket.end();
  assert.match(await client.ended(), /200 OK[^]*ok$/);
  assert.equal(gate.target.inFlight, 0);
});

test("pipelined requests before it are all answered", async (t) => {
  const app = await openRawApp(t);
  const { port } = await openRouter(t, app.port);
  const client = openRawClient(t, port, get.repeat(3));
  client.socket.end();
  assert.equal((await client.ended()).split("200 OK").length - 1, 3);
  assert.equal(app.received.join(""), get.repeat(3));
});

test("in the middle of a head or a body it ends the request, and the app doesn't take half for whole", async (t) => {
  const app = await openRawApp(t, () => {});
  const { port, gate, router } = await openRouter(t, app.port);
  const inHead = openRawClient(t, port, "GET / HTTP/1.1\r\nHos");
  inHead.socket.end();
  await inHead.ended();
  const inBody = openRawClient(t, port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
  while (app.received.length === 0) await pause(5);
  inBody.socket.end();
  await inBody.ended();
  assert.equal(gate.target.inFlight, 0);
  while (router.connections() > 0) await pause(5);
});

test("a client that goes away while its request waits for a restart leaves nothing behind", async (t) => {
  const app = await openRawApp(t);
  const { port, gate } = await openRouter(t, app.port);
  gate.hold(5000);
  const client = openRawClient(t, port, get);
  while (gate.waiting.requests === 0) await pause(5);
  client.socket.resetAndDestroy();
  await once(client.socket, "close");
  while (gate.waiting.requests > 0) await pause(5);
  assert.deepEqual(gate.waiting, { requests: 0, bytes: 0 });
  gate.release();
  await pause(20);
  assert.equal(app.connections(), 0);
});
