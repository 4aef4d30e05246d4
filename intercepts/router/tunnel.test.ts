import assert from "node:assert/strict";
import { test } from "node:test";
import { openRawApp, openRawClient, openRouter, pause } from "../testing/open-router.ts";

const ask = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n";
const switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const text = (data: string) => `\x81${String.fromCharCode(data.length)}${data}`;
/** FIN, close, 1012. */
const restarting = "\x88\x02\x03\xf4";

test("after a 101 bytes pass both ways as they are, those sent ahead of it too", async (t) => {
  const app = await openRawApp(t, (socket, more) => {
    if (more.startsWith("GET ")) socket.write(`${switched}${text("hi")}`, "latin1");
    else socket.write(more.toUpperCase(), "latin1");
  });
  const { port, gate } = await openRouter(t, app.port);
  const client = openRawClient(t, port, `${ask}ahead\0\n`);
  await client.sees(/AHEAD\0\n/);
  client.socket.write("more");
  await client.sees(/MORE/);
  assert.ok(client.text().startsWith(`${switched}${text("hi")}`));
  assert.equal(gate.target.inFlight, 0, "an open tunnel doesn't hold a restart");
});

const ends: Readonly<Record<string, { sent: string; last: string }>> = {
  "between two messages: with a close frame that says restart": { sent: text("hello"), last: restarting },
  "in the middle of one: just so": { sent: text("hello").slice(0, 4), last: "" },
  "after its own close frame: no second one": { sent: "\x88\x02\x03\xe8", last: "" },
  "after a long message": { sent: `\x82\x7e\x01\x00${"a".repeat(256)}`, last: restarting },
};

for (const [name, { sent, last }] of Object.entries(ends)) {
  test(`a WebSocket whose app dies is ended ${name}`, async (t) => {
    const app = await openRawApp(t, (socket) => {
      socket.write(`${switched}${sent}`, "latin1");
      setTimeout(() => socket.destroy(), 30);
    });
    const { port, router } = await openRouter(t, app.port, { limits: { lingerMs: 100 } });
    const client = openRawClient(t, port, ask);
    assert.equal(await client.ended(), `${switched}${sent}${last}`);
    client.socket.end();
    while (router.connections() > 0) await pause(5);
  });
}

test("raw TCP: bytes of any protocol pass, half-closing too; a new connection waits for a restart", async (t) => {
  const app = await openRawApp(t, (socket, more) => void socket.write(`<${more}>`));
  const { port, gate } = await openRouter(t, app.port, { protocol: "tcp" });
  const client = openRawClient(t, port, "\x16\x03\x01 not HTTP\n\n");
  await client.sees(/not HTTP\n\n>$/);
  gate.hold(5000);
  assert.equal(await gate.drained(gate.target, 5000), 0);
  const waiting = openRawClient(t, port, "late");
  await pause(50);
  assert.equal(waiting.text(), "");
  gate.release();
  await waiting.sees(/<late>/);
  waiting.socket.end();
  assert.equal(await waiting.ended(), "<late>");
});
