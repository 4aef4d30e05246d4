import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createGate } from "../router/gate.ts";
import type { Gate } from "../router/gate.ts";
import { createRouter } from "../router/router.ts";
import { openRawClient } from "../testing/open-router.ts";

// Requests damaged at random, before an app whose parser forgives as much as Node's can: it must never find more requests
// in what it is sent than the router has sent.

const inner = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
/** Begins with what ends a body of chunks. */
const body = `0\r\n\r\n${inner}`;
const seeds = [
  `POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}GET /b HTTP/1.1\r\nHost: a\r\n\r\n`,
  `POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n${inner}`,
  `GET /a HTTP/1.1\r\nHost: a\r\nX-Y: z\r\nConnection: keep-alive\r\n\r\nPOST /c HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc`,
];
const pieces = [
  "\r",
  "\n",
  "\r\n",
  " ",
  "\t",
  "\0",
  "\x0b",
  ":",
  ",",
  ";",
  "0",
  "9",
  "f",
  "chunked",
  "Content-Length: 0\r\n",
];
const more = [
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding:\x0bchunked\r\n",
  "Content-Length : 9\r\n",
  "\xa0",
  "\x85",
  "%0d%0a",
];

/** Mulberry32: the same numbers in every run, so that what fails can be looked at again. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function damaged(seed: number): string {
  const next = numbers(seed);
  let text = seeds[next(seeds.length)] ?? "";
  const all = [...pieces, ...more];
  for (let n = next(3); n >= 0; n--) {
    // Half of it at the beginning of a line, where it is a header.
    const starts = [...text.matchAll(/\r\n/g)].map(({ index }) => index + 2);
    const at = next(2) === 0 ? next(text.length) : (starts[next(starts.length)] ?? 0);
    const gone = next(3) === 0 ? 1 + next(3) : 0;
    text = text.slice(0, at) + (gone > 0 ? "" : (all[next(all.length)] ?? "")) + text.slice(at + gone);
  }
  return text;
}

test("four hundred damaged requests: the app sees no request that the router hasn't sent", async (t) => {
  let seen = 0;
  const app = createServer({ insecureHTTPParser: true }, (ask, answer) => {
    seen++;
    ask.resume();
    answer.setHeader("content-length", 0).end();
  });
  app.on("clientError", (_, socket) => socket.destroy());
  app.listen(0, "127.0.0.1");
  await once(app, "listening");
  let sent = 0;
  const gate = createGate((app.address() as AddressInfo).port, { requests: 10, bytes: 1 << 20, ms: 1000 });
  const enter = () => {
    sent++;
    return gate.enter();
  };
  const counted: Gate = Object.create(gate, { enter: { value: enter } });
  const router = createRouter({ protocol: "http", gate: counted });
  const port = await router.listen(0, "127.0.0.1");
  t.after(async () => {
    gate.close();
    await router.close();
    app.close().closeAllConnections();
  });

  let passed = 0;
  for (let seed = 1; seed <= 400; seed++) {
    [seen, sent] = [0, 0];
    const text = damaged(seed);
    const client = openRawClient(t, port, text);
    client.socket.end();
    await client.ended();
    client.socket.destroy();
    assert.ok(seen <= sent, `seed ${seed}: the app saw ${seen}, ${sent} were sent: ${JSON.stringify(text)}`);
    passed += seen;
  }
  assert.ok(passed > 100, "many are harmless, and pass");
});
