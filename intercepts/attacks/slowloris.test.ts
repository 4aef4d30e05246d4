import assert from "node:assert/strict";
import { test } from "node:test";
import { openRawApp, openRawClient, openRouter, pause } from "../testing/open-router.ts";

test("a head that comes byte by byte is ended by the time since its first byte, not since its last", async (t) => {
  const app = await openRawApp(t);
  const { port } = await openRouter(t, app.port, { limits: { headMs: 300 } });
  const client = openRawClient(t, port, "GET / HT");
  const drip = setInterval(() => client.socket.write("x"), 50);
  t.after(() => clearInterval(drip));
  assert.match(await client.ended(), /^HTTP\/1\.1 408 /);
  assert.equal(app.received.join(""), "");
});

test("a connection that says nothing is closed", async (t) => {
  const app = await openRawApp(t);
  const { port, router } = await openRouter(t, app.port, { limits: { idleMs: 200 } });
  assert.equal(await openRawClient(t, port).ended(), "");
  assert.equal(router.connections(), 0);
});

test("a body that stops coming doesn't hold a restart longer than its bound", async (t) => {
  const app = await openRawApp(t, () => {});
  const { port, gate } = await openRouter(t, app.port);
  openRawClient(t, port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf");
  while (app.received.length === 0) await pause(5);
  gate.hold(5000);
  assert.equal(await gate.drained(gate.target, 100), 1, "it tells what is left");
});

test("a client that doesn't read its answer doesn't hold a restart either, and costs no more than the sockets' buffers", async (t) => {
  const answer = `HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n`;
  let written = 0;
  const app = await openRawApp(t, (socket) => {
    socket.write(answer);
    const more = () => {
      while (written < 1e9) {
        written += 65_536;
        if (!socket.write(Buffer.alloc(65_536))) return void socket.once("drain", more);
      }
    };
    more();
  });
  const { port, gate } = await openRouter(t, app.port);
  const client = openRawClient(t, port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  client.socket.pause();
  await pause(300);
  const before = written;
  gate.hold(5000);
  assert.equal(await gate.drained(gate.target, 100), 1);
  assert.ok(written < 64e6, `the app was held back: it wrote ${written}`);
  assert.ok(written - before < 1e6, "and stays so");
});
