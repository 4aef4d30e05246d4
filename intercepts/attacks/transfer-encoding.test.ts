import assert from "node:assert/strict";
import { test } from "node:test";
import { openRawApp, openRawClient, openRouter, refusal } from "../testing/open-router.ts";

// Codings hidden from one of two programs, and chunks that end where only one of them thinks.

const codings = [
  "Transfer-Encoding: xchunked",
  "Transfer-Encoding : chunked",
  " Transfer-Encoding: chunked",
  "X: y\r\n Transfer-Encoding: chunked",
  "Transfer-Encoding:\r\n chunked",
  "Transfer-Encoding: gzip, chunked",
  "Transfer-Encoding: chunked, identity",
  "Transfer-Encoding: identity",
  'Transfer-Encoding: "chunked"',
  "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
  "Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
  "Transfer-Encoding: \x0bchunked",
  "Transfer-Encoding: chunked\x00",
  "Transfer-Encoding: chun\xafked",
  "Transfer-Encoding:",
];

for (const coding of codings) {
  test(`${JSON.stringify(coding)} is refused`, async (t) => {
    const { answer, seen } = await refusal(t, `POST / HTTP/1.1\r\nHost: a\r\n${coding}\r\n\r\n0\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 400 /);
    assert.equal(seen, "");
  });
}

const bodies = {
  "a size that is no number": "g\r\nx\r\n0\r\n\r\n",
  "a sign": "+1\r\nx\r\n0\r\n\r\n",
  "a prefix": "0x1\r\nx\r\n0\r\n\r\n",
  "a space before the size": " 1\r\nx\r\n0\r\n\r\n",
  "a size that overflows": "fffffffffffffffff\r\nx\r\n0\r\n\r\n",
  "a bare LF after the size": "1\nx\r\n0\r\n\r\n",
  "a bare LF in an extension": "1;a\nx\r\n0\r\n\r\n",
  "an extension without an end": `1;${"a".repeat(2000)}\r\nx\r\n0\r\n\r\n`,
  "data longer than its size": "1\r\nxx\r\n0\r\n\r\n",
  "a bare LF after the data": "1\r\nx\n0\r\n\r\n",
  "a length in the trailers": "0\r\nContent-Length: 5\r\n\r\n",
  "a trailer without a name": "0\r\nx\r\n\r\n",
  "trailers without an end": `0\r\n${"a: b\r\n".repeat(5000)}\r\n`,
};

for (const [name, body] of Object.entries(bodies)) {
  test(`chunks with ${name} are refused`, async (t) => {
    const { answer, seen } = await refusal(
      t,
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`,
    );
    assert.match(answer, /^HTTP\/1\.1 400 /);
    assert.equal(seen, "");
  });
}

test("a body that goes wrong later is cut off where it did, on both sides", async (t) => {
  const app = await openRawApp(t, () => {});
  const { port, gate } = await openRouter(t, app.port);
  const client = openRawClient(t, port, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  while (!app.received[0]?.endsWith("abc\r\n")) await new Promise((resolve) => setTimeout(resolve, 5));
  client.socket.write("3\r\nabcd\r\n0\r\n\r\nGET /admin HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.match(await client.ended(), /^HTTP\/1\.1 400 /);
  assert.doesNotMatch(app.received.join(""), /admin|abcd/);
  assert.equal(gate.target.inFlight, 0);
});
