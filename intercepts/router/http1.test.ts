import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { Agent, createServer, request } from "node:http";
import type { IncomingMessage, RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { empty200, openRawApp, openRawClient, openRouter, pause } from "../testing/open-router.ts";

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

async function openApp(t: TestContext, listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close().closeAllConnections());
  return (server.address() as AddressInfo).port;
}

test("bytes pass as they are: letters, order and spaces of a head, chunks and trailers of a body, both ways", async (t) => {
  const sent =
    "POST /a?b=%20|{} HTTP/1.1\r\nhOsT:  a \r\nX-B: 1\r\nx-a:\t2\r\nTRANSFER-ENCODING: chunked\r\n\r\n" +
    '5;name="v"\r\nhello\r\n0A\r\n0123456789\r\n0\r\nX-Trailer: t\r\n\r\n';
  const answered =
    "HTTP/1.1 200 \r\nServer:x\r\nTransfer-encoding:  chunked\r\n\r\n1\r\na\r\n0\r\nServer-Timing: db;dur=1\r\n\r\n";
  const app = await openRawApp(t, (socket, _, all) => {
    if (all.endsWith("0\r\nX-Trailer: t\r\n\r\n")) socket.write(answered);
  });
  const { port } = await openRouter(t, app.port);
  const client = openRawClient(t, port);
  // Byte by byte: nothing depends on where a packet ends.
  for (const byte of sent) client.socket.write(byte);
  await client.sees(/dur=1\r\n\r\n$/);
  assert.equal(app.received[0], sent);
  assert.equal(client.text(), answered);
});

test("pipelined requests are answered in order, one at a time, over one connection", async (t) => {
  let open = 0;
  const app = await openRawApp(t, (socket, text) => {
    assert.equal(++open, 1, "the next one waits for the answer before it");
    const path = /^GET (\S+)/.exec(text)?.[1] ?? "";
    setTimeout(() => {
      open--;
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`);
    }, 10);
  });
  const { port } = await openRouter(t, app.port);
  const heads = ["/1", "/2", "/3"].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join("");
  const text = await openRawClient(t, port, heads).sees(/\/3$/);
  assert.deepEqual(text.match(/\/\d$|\/\d(?=HTTP)/g), ["/1", "/2", "/3"]);
  assert.equal(app.connections(), 1);
});

test("HEAD, 204 and 304 have no body whatever their headers say; the next answer begins right after", async (t) => {
  const heads = {
    "HEAD /": "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
    "GET /204": "HTTP/1.1 204 No Content\r\n\r\n",
    "GET /304": "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n",
    "GET /end": "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nend",
  };
  const app = await openRawApp(t, (socket, text) => {
    for (const [line, answer] of Object.entries(heads)) if (text.startsWith(`${line} `)) socket.write(answer);
  });
  const { port } = await openRouter(t, app.port);
  const all = Object.keys(heads).map((line) => `${line} HTTP/1.1\r\nHost: a\r\n\r\n`);
  assert.equal(await openRawClient(t, port, all.join("")).sees(/end$/), Object.values(heads).join(""));
});

test("Expect: 100-continue is the app's to answer; early hints pass too", async (t) => {
  const app = await openRawApp(t, (socket, _, all) => {
    if (all.endsWith("\r\n\r\n"))
      socket.write("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
    if (all.endsWith("hello")) socket.write(empty200);
  });
  const { port } = await openRouter(t, app.port);
  const head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
  const client = openRawClient(t, port, head);
  await client.sees(/103 Early Hints[^]*100 Continue\r\n\r\n$/);
  client.socket.write("hello");
  await client.sees(/200 OK/);
});

test("64 MB stream through in both directions at once, unchanged", async (t) => {
  const appPort = await openApp(t, (ask, answer) => void ask.pipe(answer));
  const { port } = await openRouter(t, appPort);
  const block = Buffer.alloc(1 << 20, "0123456789abcdef");
  const ask = request({ port, method: "POST", path: "/", agent: false });
  const [sent, got] = [createHash("sha256"), createHash("sha256")];
  const answered = once(ask, "response");
  for (let i = 0; i < 64; i++) {
    sent.update(block);
    // The echo is read only later: what fits into no buffer would wait for ever.
    ask.write(block);
  }
  ask.end();
  const [answer] = (await answered) as [IncomingMessage];
  for await (const chunk of answer) got.update(chunk);
  assert.equal(got.digest("hex"), sent.digest("hex"));
});

test("an answer without a length ends with its connection; one that breaks off is never taken for whole", async (t) => {
  const whole = await openRawApp(t, (socket) => void socket.end("HTTP/1.1 200 OK\r\n\r\nall of it"));
  const first = await openRouter(t, whole.port);
  const client = openRawClient(t, first.port, get);
  assert.match(await client.ended(), /all of it$/);

  const broken = await openRawApp(t, (socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    setTimeout(() => socket.destroy(), 20);
  });
  const second = await openRouter(t, broken.port);
  const cut = openRawClient(t, second.port, get);
  const reset = new Promise((resolve) => cut.socket.once("error", resolve));
  assert.match(String(await reset), /ECONNRESET/);
});

test("HTTP/1.0: closed after the answer, or kept when both say so", async (t) => {
  const app = await openRawApp(t, (socket, text) => {
    const keep = text.includes("keep-alive") ? "Connection: keep-alive\r\n" : "";
    socket.write(`HTTP/1.1 200 OK\r\n${keep}Content-Length: 2\r\n\r\nok`);
  });
  const { port } = await openRouter(t, app.port);
  assert.match(await openRawClient(t, port, "GET / HTTP/1.0\r\n\r\n").ended(), /ok$/);
  const kept = openRawClient(t, port, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  await kept.sees(/ok$/);
  kept.socket.write("GET / HTTP/1.0\r\n\r\n");
  assert.match(await kept.ended(), /ok[^]*ok$/);
});

test("an idle connection that the app closes costs nothing: the next request opens another", async (t) => {
  const app = await openRawApp(t, (socket) => {
    socket.write(empty200);
    setTimeout(() => socket.end(), 10);
  });
  const { port } = await openRouter(t, app.port);
  const client = openRawClient(t, port, get);
  await client.sees(/200 OK/);
  await pause(50);
  client.socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi`);
  await client.sees(/200 OK[^]*200 OK/);
  assert.equal(app.connections(), 2);
});

test("the app's reset before any byte: GET is sent again, once; POST never, and is told so", async (t) => {
  for (const [method, connections, status] of [
    ["GET", 2, /^HTTP\/1\.1 200 /],
    ["POST", 1, /^HTTP\/1\.1 502 .*without an answer/s],
  ] as const) {
    let seen = 0;
    const app = await openRawApp(t, (socket) => {
      if (++seen === 1) socket.resetAndDestroy();
      else socket.write(empty200);
    });
    const { port } = await openRouter(t, app.port);
    await openRawClient(t, port, `${method} / HTTP/1.1\r\nHost: a\r\n\r\n`).sees(status);
    assert.equal(app.connections(), connections, method);
  }
  const dead = await openRawApp(t, (socket) => void socket.resetAndDestroy());
  const { port } = await openRouter(t, dead.port);
  assert.match(await openRawClient(t, port, get).ended(), /^HTTP\/1\.1 502 /);
  assert.equal(dead.connections(), 2, "no more than once");
});

test("a request that can't be sent twice doesn't go over a connection that has been idle for long", async (t) => {
  const app = await openRawApp(t);
  const { port } = await openRouter(t, app.port, { limits: { freshMs: 50 } });
  const client = openRawClient(t, port, get);
  await client.sees(/200 OK/);
  await pause(80);
  client.socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  await client.sees(/200 OK[^]*200 OK/);
  assert.equal(app.connections(), 2);
});

test("an app that isn't there yet is waited for, with a body too; one that doesn't come is a 502 with its port", async (t) => {
  const lost = await openRawApp(t);
  await lost.close();
  const late = await openRouter(t, lost.port, { limits: { refusedMs: 3000 } });
  const client = openRawClient(t, late.port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
  client.socket.write("llo");
  await pause(100);
  const back = await openRawApp(t, undefined, lost.port);
  await client.sees(/200 OK/);
  assert.match(back.received[0] ?? "", /\r\n\r\nhello$/);

  const { port } = await openRouter(t, 1, { limits: { refusedMs: 60 } });
  assert.match(await openRawClient(t, port, get).ended(), /^HTTP\/1\.1 502 .*doesn't listen on port 1\n$/s);
});

test("an app that listens on IPv6 alone is found", async (t) => {
  const server = createServer((_, answer) => answer.end("six")).listen(0, "::1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = await openRouter(t, (server.address() as AddressInfo).port);
  await openRawClient(t, port, get).sees(/six/);
});

test("a kept-alive client of Node's own makes a thousand requests over one connection to the app", async (t) => {
  let connections = 0;
  const server = createServer((ask, answer) => void ask.pipe(answer)).on("connection", () => connections++);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close().closeAllConnections());
  const { port } = await openRouter(t, (server.address() as AddressInfo).port);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  for (let i = 0; i < 1000; i++) {
    const ask = request({ port, agent, method: i % 2 === 0 ? "POST" : "GET" });
    ask.end(i % 2 === 0 ? `body ${i}` : undefined);
    const [answer] = (await once(ask, "response")) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    assert.equal(Buffer.concat(chunks).toString(), i % 2 === 0 ? `body ${i}` : "");
  }
  assert.equal(connections, 1);
});
