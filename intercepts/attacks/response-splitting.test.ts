import assert from "node:assert/strict";
import { test } from "node:test";
import { openRawApp, openRawClient, openRouter, pause } from "../testing/open-router.ts";

// What an app was talked into sending must not become a second answer.

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

test("bytes after an answer are not passed on, and its connection isn't used again", async (t) => {
  const app = await openRawApp(t, (socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  });
  const { port } = await openRouter(t, app.port);
  assert.doesNotMatch(await openRawClient(t, port, get + get).ended(), /evil/);
  assert.equal(app.connections(), 1);
});

test("an answer that nobody asked for doesn't become the next request's", async (t) => {
  const app = await openRawApp(t, (socket, _, all) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    if (all === get) setTimeout(() => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"), 20);
  });
  const { port } = await openRouter(t, app.port);
  const client = openRawClient(t, port, get);
  await client.sees(/ok$/);
  await pause(60);
  client.socket.write("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.doesNotMatch(await client.sees(/ok[^]*ok$/), /evil/);
  assert.equal(app.connections(), 2);
});

const answers = {
  "two lengths": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
  "length and chunks": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "a bare LF in a header": "HTTP/1.1 302 Found\r\nLocation: /\nSet-Cookie: evil\r\nContent-Length: 0\r\n\r\n",
  "a folded header": "HTTP/1.1 200 OK\r\nX: y\r\n Set-Cookie: evil\r\nContent-Length: 0\r\n\r\n",
  "no status": "HTTP/1.1 OK\r\n\r\nevil",
  "another version": "HTTP/3.0 200 OK\r\n\r\nevil",
  "a switch of protocols": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: evil\r\nConnection: upgrade\r\n\r\nevil",
};

for (const [name, text] of Object.entries(answers)) {
  test(`an answer with ${name} is a 502`, async (t) => {
    const app = await openRawApp(t, (socket) => void socket.write(text));
    const { port, gate } = await openRouter(t, app.port);
    const answer = await openRawClient(t, port, get).ended();
    assert.match(answer, /^HTTP\/1\.1 502 /);
    assert.doesNotMatch(answer, /evil\r?\n?$/);
    assert.equal(gate.target.inFlight, 0);
  });
}

test("one client never gets an answer of another's connection", async (t) => {
  // The app answers the wrong way round; with shared connections the second client would get the first one's secret.
  const app = await openRawApp(t, (socket, text) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n${text.includes("/a") ? "secret" : "public"}`);
    if (text.includes("/a")) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret");
  });
  const { port } = await openRouter(t, app.port);
  await openRawClient(t, port, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n").sees(/secret/);
  assert.doesNotMatch(await openRawClient(t, port, "GET /b HTTP/1.1\r\nHost: a\r\n\r\n").sees(/public/), /secret/);
});
