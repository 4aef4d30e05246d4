import assert from "node:assert/strict";
import { test } from "node:test";
import { openRawApp, openRawClient, openRouter, pause } from "../testing/open-router.ts";

// An answer before the request's end: what follows is still body, never a request.

const smuggled = "GET /admin HTTP/1.1\r\nHost: a\r\n\r\n";
const post = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${smuggled.length}\r\n\r\n`;

test("the rest of the body goes where the body went, and the next request after it", async (t) => {
  let answered = 0;
  const app = await openRawApp(t, (socket, _, all) => {
    const wanted = all.includes("/next") ? 2 : 1;
    for (; answered < wanted; answered++) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly");
  });
  const { port, gate } = await openRouter(t, app.port);
  const client = openRawClient(t, port, post);
  await client.sees(/early$/);
  assert.equal(gate.target.inFlight, 1, "it is in flight until its body is through");
  client.socket.write(smuggled);
  client.socket.write("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.sees(/early[^]*early$/);
  assert.equal(app.received[0], `${post}${smuggled}GET /next HTTP/1.1\r\nHost: a\r\n\r\n`);
});

test("when the app closes after it, so does the front, and the answer arrives although the body still comes", async (t) => {
  const app = await openRawApp(t, (socket) => {
    socket.end("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!");
  });
  const { port, gate } = await openRouter(t, app.port);
  const client = openRawClient(t, port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n");
  const drip = setInterval(() => client.socket.write(Buffer.alloc(10_000)), 5);
  t.after(() => clearInterval(drip));
  assert.match(await client.ended(), /413 Content Too Large[^]*no!$/);
  await pause(20);
  assert.equal(gate.target.inFlight, 0);
});

test("an answer that says close, although the body isn't through, ends the connection", async (t) => {
  const app = await openRawApp(t, (socket) => {
    socket.write("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
  });
  const { port } = await openRouter(t, app.port);
  assert.match(await openRawClient(t, port, post).ended(), /401 Unauthorized[^]*no$/);
});
