import assert from "node:assert/strict";
import { test } from "node:test";
import { empty200, openRawApp, openRawClient, openRouter, pause } from "../testing/open-router.ts";

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

test("held: what is in flight ends, what comes waits, and after the release goes to the new process", async (t) => {
  const old = await openRawApp(t, (socket) => void setTimeout(() => socket.write(empty200), 60));
  const { port, gate } = await openRouter(t, old.port);
  const inFlight = openRawClient(t, port, get);
  while (gate.target.inFlight === 0) await pause(2);
  gate.hold(5000);
  const waiting = openRawClient(t, port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  assert.equal(await gate.drained(gate.target, 5000), 0);
  await inFlight.sees(/200 OK/);
  await old.close();
  while (gate.waiting.requests === 0) await pause(2);
  // The client is kept; its next request waits as well.
  inFlight.socket.write(get);
  while (gate.waiting.requests < 2) await pause(2);
  const fresh = await openRawApp(t, undefined, old.port);
  gate.release();
  await waiting.sees(/200 OK/);
  await inFlight.sees(/200 OK[^]*200 OK/);
  assert.match(fresh.received.join(""), /hello/);
  assert.equal(gate.target.inFlight, 0);
});

test("drained, the front has no connection to the old process any more: nothing keeps that from ending", async (t) => {
  let open = 0;
  const app = await openRawApp(t, (socket) => {
    open++;
    socket.on("close", () => open--);
    socket.write(empty200);
  });
  const { port, gate } = await openRouter(t, app.port);
  const client = openRawClient(t, port, get);
  await client.sees(/200 OK/);
  assert.equal(open, 1);
  gate.hold(5000);
  await gate.drained(gate.target, 1000);
  while (open > 0) await pause(2);
});

test("a hold that nobody ends ends by itself", async (t) => {
  const app = await openRawApp(t);
  const { port, gate } = await openRouter(t, app.port);
  gate.hold(80);
  await openRawClient(t, port, get).sees(/200 OK/);
  assert.equal(gate.held, false);
});

test("what waits is bounded: by number, by bytes, by time; over it 503 with Retry-After", async (t) => {
  const app = await openRawApp(t);
  const waits = async (waiting: object, bytes = get) => {
    const opened = await openRouter(t, app.port, { waiting });
    opened.gate.hold(5000);
    return { ...opened, first: openRawClient(t, opened.port, bytes) };
  };
  const number = await waits({ requests: 1 });
  while (number.gate.waiting.requests === 0) await pause(2);
  assert.match(await openRawClient(t, number.port, get).ended(), /^HTTP\/1\.1 503 [^]*Retry-After: 1\r\n/);
  number.gate.release();
  await number.first.sees(/200 OK/);

  const large = await waits(
    { bytes: 1000 },
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n${"a".repeat(2000)}`,
  );
  assert.match(await large.first.ended(), /^HTTP\/1\.1 503 .*too many requests wait/s);

  const late = await waits({ ms: 60 });
  assert.match(await late.first.ended(), /^HTTP\/1\.1 503 .*takes too long/s);
  assert.equal(app.connections(), 1);
});

test("a waiting client's body isn't read: it waits in its own buffers", async (t) => {
  const app = await openRawApp(t, (socket, _, all) => {
    if (all.length > 8e6) socket.write(empty200);
  });
  const { port, gate } = await openRouter(t, app.port);
  gate.hold(5000);
  const client = openRawClient(t, port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n");
  client.socket.write(Buffer.alloc(8_000_000, 97));
  await pause(100);
  assert.ok(gate.waiting.bytes < 200_000, `${gate.waiting.bytes} bytes wait`);
  assert.ok(client.socket.writableLength > 1e6, "the rest is still the client's");
  gate.release();
  await client.sees(/200 OK/);
  assert.ok((app.received[0] ?? "").length > 8e6);
});

test("a thousand waiting requests are all answered after the release, in the order of their coming", async (t) => {
  const order: number[] = [];
  const app = await openRawApp(t, (socket, text) => {
    order.push(Number(/GET \/(\d+)/.exec(text)?.[1]));
    socket.write(empty200);
  });
  const { port, gate } = await openRouter(t, app.port);
  gate.hold(10_000);
  const clients = [];
  for (let i = 0; i < 300; i++) {
    clients.push(openRawClient(t, port, `GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`));
    while (gate.waiting.requests <= i) await pause(1);
  }
  gate.release();
  for (const client of clients) await client.sees(/200 OK/);
  assert.equal(order.length, 300);
  assert.ok(
    order.slice(0, 32).every((i) => i < 64),
    "the first batch is of the first comers",
  );
});

test("a stream of events doesn't hold a restart: its client comes again by itself", async (t) => {
  const app = await openRawApp(t, (socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
  });
  const { port, gate } = await openRouter(t, app.port);
  const client = openRawClient(t, port, get);
  await client.sees(/data: 1/);
  gate.hold(5000);
  assert.equal(await gate.drained(gate.target, 5000), 0);
});

test("moved to another port: new requests go there at once, old ones end where they are", async (t) => {
  const old = await openRawApp(t, (socket) => void setTimeout(() => socket.write(empty200), 80));
  const fresh = await openRawApp(t);
  const { port, gate } = await openRouter(t, old.port);
  const kept = openRawClient(t, port, get);
  while (gate.target.inFlight === 0) await pause(2);
  const before = gate.target;
  gate.release(fresh.port);
  await openRawClient(t, port, get).sees(/200 OK/);
  assert.equal(fresh.connections(), 1);
  assert.equal(before.inFlight, 1);
  assert.equal(await gate.drained(before, 5000), 0);
  await kept.sees(/200 OK/);
  kept.socket.write(get);
  await kept.sees(/200 OK[^]*200 OK/);
  assert.deepEqual([old.connections(), fresh.connections()], [1, 2]);
});
