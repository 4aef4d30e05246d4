import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { closedLoad } from "./closed-load.ts";

test("counts what was answered, on as many connections as it was told", async (t) => {
  const seen = new Set<unknown>();
  let answered = 0;
  const server = createServer((ask, answer) => {
    seen.add(ask.socket);
    answered++;
    answer.setHeader("content-length", 5).end("hello");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  const { latencies, perSecond } = await closedLoad("127.0.0.1", port, { connections: 3, seconds: 0.2 });
  assert.equal(seen.size, 3);
  assert.ok(latencies.length > 3);
  assert.ok(Math.abs(answered - latencies.length) <= 3, "those in flight at the end");
  assert.ok(perSecond > 0);
});
