import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { test } from "node:test";
import { openHelper } from "../testing/open-helper.ts";
import type { OpenHelper } from "../testing/open-helper.ts";

/** Sends that much and no more; resolves with what came back when the helper ends it. */
async function stall(helper: OpenHelper, text: string): Promise<{ answer: string; ms: number }> {
  const since = performance.now();
  const socket: Socket = connect(helper.port, "127.0.0.1");
  let answer = "";
  socket.on("data", (chunk: Buffer) => (answer += chunk.toString()));
  socket.on("error", () => {});
  socket.write(text);
  await once(socket, "close");
  return { answer, ms: performance.now() - since };
}

test("who never finishes a request is ended after seconds; others don't notice", { timeout: 60_000 }, async (t) => {
  const helper = await openHelper(t);
  const cookie = await helper.logIn();
  const login = `POST /-/login HTTP/1.1\r\nHost: ${helper.host}\r\nOrigin: ${helper.origin}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"password":`;
  const stalled = Promise.all([
    ...Array.from({ length: 20 }, () => stall(helper, "GET / HTTP/1.1\r\nHost: local")),
    ...Array.from({ length: 20 }, () => stall(helper, login)),
  ]);
  const { status } = await helper.send({
    path: "/-/api/status",
    headers: [
      ["Host", helper.host],
      ["Cookie", cookie],
    ],
  });
  assert.equal(status, 200);
  for (const { answer, ms } of await stalled) {
    assert.match(answer, /^HTTP\/1\.1 40[08] /);
    assert.ok(ms < 20_000, `${ms} ms`);
  }
});

test("a body for a door that is shut isn't read", async (t) => {
  const helper = await openHelper(t);
  const head = `POST /upload HTTP/1.1\r\nHost: ${helper.host}\r\nContent-Length: 100000000\r\n\r\n`;
  const { answer } = await stall(helper, `${head}${"x".repeat(100_000)}`);
  assert.match(answer, /^HTTP\/1\.1 401 [\s\S]*\r\nconnection: close\r\n/i);
});

test("headers larger than 32 KiB are refused", async (t) => {
  const helper = await openHelper(t);
  const { answer } = await stall(helper, `GET / HTTP/1.1\r\nHost: ${helper.host}\r\nX: ${"x".repeat(40_000)}\r\n\r\n`);
  assert.match(answer, /^HTTP\/1\.1 431 /);
});
